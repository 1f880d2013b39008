"""Single cycles from rest are those of the circuit's table."""

import numpy as np
import pytest

from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.plots.circuits.sweep import draw_sweep
from captwin.sim.plots.style import style
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.sweep import DRIVES, sweep
from tests.sim.plots.overlap import overlaps
from tests.support.needs import needs_ngspice

pytestmark = needs_ngspice


def test_a_sweep_is_the_tables_row_at_rest():
    bench, table = open_bench("charge_share"), load_circuit("charge_share")
    steps: list[int] = []
    result = sweep(bench, progress=lambda what, done, total: steps.append(done))
    assert len(result.u) == DRIVES == result.v.shape[1] and steps
    for b in (0, 1):
        rest = np.full(DRIVES, table.v_rest)
        assert np.abs(result.v[b] - table.step(rest, result.u, np.full(DRIVES, bool(b)))).max() < 1e-3
        least = float(np.interp(table.v_rest, table.v, table.thresholds[b]))
        assert result.thresholds[b] == pytest.approx(least, abs=1e-3)
        assert np.array_equal(result.spikes[b], result.u >= result.thresholds[b])
    with style():
        assert overlaps(draw_sweep(bench, result)) == []
