"""From tables of sampled chips to modes."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.mismatch.chips import SampledChip
from captwin.sim.mismatch.measure_shared import reduced
from captwin.sim.mismatch.shared import CHIP_NUMBERS
from captwin.sim.neurons.table import NeuronTable
from tests.support.tables import small_table

TYPICAL = SampledChip(0.4, small_table(points=5, jump=0.01))


def moved(one: float, other: float) -> SampledChip:
    """A chip of two causes: one moves all thresholds and V_ref, the other tilts the surfaces."""
    table = TYPICAL.table
    curves = np.clip(table.thresholds + one, table.u[0], table.u[-1])
    return SampledChip(0.4 + one, replace(table, thresholds=curves, surfaces=table.surfaces + other * table.u))


def test_two_causes_are_two_modes() -> None:
    numbers = np.random.default_rng(1).normal(0, 0.004, (40, 2))
    cause = reduced(TYPICAL, [moved(*each) for each in numbers])
    assert len(cause.modes) == 2 and cause.lost == 0
    assert cause.thresholds_kept == pytest.approx(1, abs=2e-3) and cause.surfaces_kept == pytest.approx(1, abs=2e-3)
    assert cause.offset_kept > 0.99
    modes, points = np.array(cause.modes), len(TYPICAL.table.v)
    variance = (modes[:, 2 * points :] ** 2).sum(axis=0)
    expected = np.broadcast_to(numbers[:, 1].std(ddof=1) * TYPICAL.table.u, TYPICAL.table.surfaces.shape)
    np.testing.assert_allclose(np.sqrt(variance), np.abs(expected).ravel(), atol=2e-6)
    found = cause.numbers[:, list(CHIP_NUMBERS).index("v_ref")]
    np.testing.assert_allclose(found, numbers[:, 0], atol=1e-6)


def test_chips_that_are_all_alike() -> None:
    cause = reduced(TYPICAL, [TYPICAL] * 12)
    assert cause.modes == () and not any(cause.mean) and cause.surfaces_kept == 1


def test_chips_without_a_threshold_are_counted() -> None:
    never = SampledChip(0.4, _silent(TYPICAL.table))
    cause = reduced(TYPICAL, [TYPICAL] * 12 + [never])
    assert cause.lost == 1 and len(cause.chips) == 12
    with pytest.raises(CaptwinError, match="small: of 13 sampled chips 9 have a threshold within their range; sample"):
        reduced(TYPICAL, [TYPICAL] * 9 + [never] * 4)


def _silent(table: NeuronTable) -> NeuronTable:
    return replace(table, thresholds=np.full_like(table.thresholds, np.inf))
