"""Numbers of a neuron: what was changed in its table is what they say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.reduce import deviated, kept, neuron_numbers, threshold_deviation
from captwin.sim.neurons.table import NeuronTable
from tests.support.tables import small_table

TYPICAL = small_table(points=9, jump=0.01)
names = list(NUMBERS)


def moved(table: NeuronTable, threshold: float, membrane: float, gain: float = 0.0) -> NeuronTable:
    """``table`` with its thresholds, membranes and the drive's effect on these changed."""
    curves = table.thresholds + threshold
    curves = np.where(curves > table.u[-1], np.inf, np.maximum(curves, table.u[0]))
    return replace(table, thresholds=curves, surfaces=table.surfaces + membrane + gain * table.u / 1.5)


@settings(max_examples=30, deadline=None)
@given(*[st.floats(-0.02, 0.02)] * 3)
def test_numbers_say_what_changed(threshold: float, membrane: float, gain: float) -> None:
    found = neuron_numbers(TYPICAL, moved(TYPICAL, threshold, membrane, gain))
    assert found is not None
    expected = {"threshold": threshold, "from_rest": threshold, "after_spike": threshold}
    expected |= {"injection": membrane, "gain": gain, "leak": 0.0, "reset": membrane}
    np.testing.assert_allclose(found, [expected[name] for name in names], atol=1e-9)


def test_an_open_threshold_is_as_the_next_one() -> None:
    curves = TYPICAL.thresholds.copy()
    curves[0, 0] = np.inf
    typical = replace(TYPICAL, thresholds=curves)
    found = threshold_deviation(typical, moved(typical, 0.003, 0.0))
    assert found is not None and found == pytest.approx(np.full_like(curves, 0.003))
    never = replace(TYPICAL, thresholds=np.full_like(curves, np.inf))
    assert threshold_deviation(TYPICAL, never) is None and neuron_numbers(TYPICAL, never) is None


def test_a_neuron_as_drawn_on_a_finer_grid() -> None:
    fine = small_table(points=17, jump=0.01)
    sampled = moved(TYPICAL, 0.004, 0.002, 0.01)
    made, wanted = deviated(fine, TYPICAL, sampled), moved(fine, 0.004, 0.002, 0.01)
    np.testing.assert_allclose(made.surfaces, wanted.surfaces, atol=1e-12)
    np.testing.assert_allclose(made.thresholds, wanted.thresholds, atol=1e-12)


def test_what_is_kept() -> None:
    rng = np.random.default_rng(1)
    tables = [moved(TYPICAL, *rng.normal(0, 0.005, 2)) for _ in range(20)]
    numbers = np.stack([neuron_numbers(TYPICAL, table) for table in tables])
    shares = kept(TYPICAL, tables, numbers)
    assert shares.thresholds == pytest.approx(1) and shares.membranes == pytest.approx(1)
    offsets = np.array([table.surfaces[0, 0, 0, 0] for table in tables]) - TYPICAL.surfaces[0, 0, 0, 0]
    assert shares.membranes_rms == pytest.approx(np.sqrt(np.square(offsets).mean()), rel=0.1)
    # Curves that tilt about rest: the one number says nothing of that.
    tilted = [
        replace(table, thresholds=TYPICAL.thresholds + rng.normal(0, 0.05) * (TYPICAL.v - TYPICAL.v_rest))
        for table in tables
    ]
    numbers[:, names.index("threshold")] = 0
    assert kept(TYPICAL, tilted, numbers).thresholds == pytest.approx(0)


def test_neurons_that_are_all_alike() -> None:
    table = small_table()
    assert kept(table, [table] * 12, np.zeros((12, len(NUMBERS)))) == (0.0, 0.0, 0.0)


def test_a_membrane_that_does_not_move_is_one_line() -> None:
    table = small_table()
    flat = replace(table, surfaces=np.full_like(table.surfaces, table.v_rest))
    with pytest.raises(CaptwinError, match="small: no drive below 0 V moves its membrane"):
        neuron_numbers(flat, table)
