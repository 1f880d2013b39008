"""One text and one hash for everything that can be written as JSON."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """``value`` as JSON text with sorted keys and no blanks, in UTF-8; equal values give equal bytes.

    Raises ``ValueError`` or ``TypeError`` if it is not JSON, NaN and infinities included.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256_of(value: Any) -> str:
    """Hex SHA-256 of :func:`canonical`."""
    return hashlib.sha256(canonical(value)).hexdigest()
