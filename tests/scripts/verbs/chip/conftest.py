"""A chip, its build and what its gates have done, for tests of ``captwin report``."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.sim import golden
from captwin.sim.rtl.verify import Verification
from captwin.train.zoo import load_chip
from tests.scripts.verbs.chip.report_page import BOARD, fake_build


@pytest.fixture(scope="module")
def chip() -> Chip:
    return load_chip("digits-tiny")


@pytest.fixture
def folder(tmp_path: Path, chip: Chip) -> Path:
    return fake_build(tmp_path / f"build/digits-tiny-{BOARD}", chip)


@pytest.fixture
def gates(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Verification]:
    """Takes the place of the compiled gates: ``gates(...)`` says what they will have done."""
    changes: dict[str, object] = {}

    def run_compiled(measured: Chip, options: CoreOptions, pixels: np.ndarray) -> tuple[None, Verification]:
        assert options == CoreOptions(2, (1,) * len(measured.layers), (1,) * len(measured.layers))
        images = len(pixels)
        outcome = Verification(
            images=images,
            labels=golden.run(measured, pixels).labels,
            compared={"sums": 640 * images},
            mismatches=0,
            first_divergence=None,
            latency_cycles=np.arange(300, 300 + images),
            interval_cycles=np.full(images - 1, 150),
            total_cycles=150 * images,
            counters={},
            events_per_cycle=[0.625] * len(measured.layers),
            run_seconds=1.0,
        )
        return None, replace(outcome, **changes)

    monkeypatch.setattr("captwin.scripts.verbs.chip.report.run_compiled", run_compiled)
    return lambda **outcomes: changes.update(outcomes)
