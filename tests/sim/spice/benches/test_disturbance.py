"""Noise in a column's deck: charges as stated, in the pauses, and what they do in ngspice."""

import re

import numpy as np
import pytest

from captwin.sim.spice.benches import disturbance
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.benches.bench_file import CYCLE, bench_sections
from captwin.sim.spice.benches.column import Chain, Column, ColumnBench
from captwin.sim.spice.benches.disturbance import Disturbance
from tests.support.needs import needs_ngspice

ZERO = np.zeros(3)


def corners(text: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times in ns and values of the source ``name``."""
    waveform = re.search(rf"^{name} .* pwl\((.*)\)$", text, re.MULTILINE)
    assert waveform is not None
    words = waveform[1].split()
    return np.array([float(word.removesuffix("n")) for word in words[::2]]), np.array(words[1::2], float)


def test_pulses_hold_their_charges():
    charges = np.array([2e-17, 0.0, -5e-17])
    text = Disturbance(charges, 3 * charges, -charges, np.array([1e-3, -1e-3, 0])).elements(0.4)
    for name, scale, pause in (
        ("inoise_col", 1, disturbance.BEFORE_TRANSFER),
        ("inoise_mem", -1, disturbance.AFTER_DECISION),
        ("vnoise_reset", 3e6, disturbance.BEFORE_TRANSFER),
    ):
        time, value = corners(text, name)
        area = np.diff(time) * (value[1:] + value[:-1]) / 2 * 1e-9
        found = [area[(time[1:] > CYCLE * step) & (time[1:] <= CYCLE * (step + 1))].sum() for step in range(3)]
        assert found == pytest.approx(scale * charges, rel=1e-6)
        moving = time[value != 0] % CYCLE
        assert pause[0] <= moving.min() and moving.max() <= pause[1]
    time, value = corners(text, "vvref")
    assert np.interp([0, 5, 15, 25], time, value) == pytest.approx([0.4, 0.401, 0.399, 0.4])


def test_pauses_are_pauses():
    """No clock moves, and none is high, while a pulse passes."""
    clocks = re.findall(r"^v\w+ +\w+ +0 pulse\(0 \S+ (\S+)n (\S+)n (\S+)n (\S+)n", bench_sections()["clocks"], re.M)
    assert len(clocks) == 4
    for delay, rise, fall, width in (map(float, clock) for clock in clocks):
        for begin, end in (disturbance.BEFORE_TRANSFER, disturbance.AFTER_DECISION):
            assert end <= delay or begin >= delay + rise + width + fall - 1e-9
        assert disturbance.MOVES[1] < delay


@needs_ngspice
def test_charges_do_what_they_stand_for():
    bench = open_bench("charge_share")
    total = bench.parameters["c_column"]
    once = np.array([1.0, 0.0, 0.0])
    column = Column(np.array([0.03, 0.005]) * total, np.zeros(2), (0.0, 0.0), total)

    def simulated(spikes: list[list[int]], **noise: np.ndarray) -> Chain:
        noise = {"column": ZERO, "after_spike": ZERO, "membrane": ZERO, "reference": ZERO, **noise}
        chain = ColumnBench(bench, column, np.array(spikes), 0.9, disturbance=Disturbance(**noise)).simulate()
        assert isinstance(chain, Chain)
        return chain

    spikes, more = [[1, 0], [0, 0], [0, 0]], [[1, 1], [0, 0], [0, 0]]
    quiet, driven = simulated(spikes), simulated(more)
    assert quiet.spikes[0] and not quiet.spikes[1]
    charged = simulated(spikes, column=once * 0.9 * 0.005 * total)
    assert charged.v == pytest.approx(driven.v, abs=5e-5)
    assert charged.v[0] - quiet.v[0] > 1e-3
    # After a spike only; by then a membrane of its own capacitance.
    reset = simulated(spikes, after_spike=np.ones(3) * 1e-3 * bench.parameters["c_membrane"])
    assert reset.v[0] == pytest.approx(quiet.v[0], abs=2e-6)
    assert 2e-4 < reset.v[1] - quiet.v[1] < 6e-4
