"""Cases that are left to the long proofs."""

from collections.abc import Iterable
from typing import Any

import pytest


def proof(*values: Any) -> Any:
    """One case of ``pytest.mark.parametrize`` that only the long proofs run."""
    return pytest.param(*values, marks=pytest.mark.proof)


def proofs(values: Iterable[Any]) -> list[Any]:
    """Cases of one value each that only the long proofs run."""
    return [proof(value) for value in values]
