import re
from dataclasses import replace

import numpy as np
import pytest

from captwin.sim import golden
from captwin.sim.spice.benches.bench import Failed, Point, open_bench
from captwin.sim.spice.benches.column import Column, ColumnBench, column_of
from captwin.sim.spice.ngspice import SpiceError
from captwin.train.zoo import load_chip
from tests.support.needs import circuits, needs_ngspice

STEPS = 4


def small_column(circuit: str, rows: int = 6, seed: int = 1) -> ColumnBench:
    """A column of which some rows spike alike, one always and one never."""
    rng = np.random.default_rng(seed)
    bench = open_bench(circuit)
    total = bench.parameters["c_column"]
    plus, minus = rng.uniform(0.01, 0.07, (2, rows)) * total
    spikes = rng.integers(0, 2, (STEPS, rows))
    spikes[:, 1], spikes[:, 2], spikes[:, 3] = spikes[:, 0], 0, 1
    return ColumnBench(bench, Column(plus, minus, (0.02 * total, 0.01 * total), total), spikes, 0.9)


def capacitors(elements: list[str]) -> dict[str, float]:
    return {line.split()[0]: float(line.split()[3]) for line in elements if re.match("c(up|down|ballast)", line)}


@pytest.mark.parametrize("explicit", [False, True])
@needs_ngspice
def test_capacitors_add_up_to_the_column(explicit):
    column = small_column("charge_share")
    elements, sources = column.rows(explicit=explicit)
    found = capacitors(elements)
    assert sum(found.values()) == pytest.approx(column.column.c_column, rel=1e-8)
    assert len(found) == len(sources) + 1 and "cballast" in found
    if explicit:
        assert {f"c{line}" for line in sources} | {"cballast"} == set(found)
        for row in range(6):
            assert found[f"cup{row}"] == pytest.approx(column.column.c_plus[row], rel=1e-8)
            assert found[f"cdown{row}"] == pytest.approx(column.column.c_minus[row], rel=1e-8)
        assert (found["cupbias"], found["cdownbias"]) == pytest.approx(column.column.c_bias, rel=1e-8)
    else:
        trains = {tuple(train) for train in column.spikes.T.tolist()} | {(1,) * STEPS}
        assert len(found) == 2 * len(trains) + 1


@needs_ngspice
def test_every_capacitor_of_a_chip_is_in_its_deck():
    layer = load_chip("digits").layers[0]
    column = column_of(layer, 5)
    spikes = np.eye(8, layer.rows, dtype=int)
    bench = ColumnBench(open_bench("charge_share"), column, spikes, 0.9)
    found = capacitors(bench.circuit(explicit=True).splitlines())
    for row in range(layer.rows):
        assert found[f"cup{row}"] == pytest.approx(float(layer.c_plus[row, 5]), rel=1e-8)
        assert found[f"cdown{row}"] == pytest.approx(float(layer.c_minus[row, 5]), rel=1e-8)
    assert sum(found.values()) == pytest.approx(float(layer.c_column[5]), rel=1e-7)


def test_drives_of_a_chip_are_the_twins():
    chip = load_chip("digits")
    layer, formats = chip.layers[0], chip.formats
    spikes = np.random.default_rng(1).integers(0, 2, (1, 8, layer.rows))
    codes = golden.run_layer(layer, formats, spikes).drives[0]
    drive_axis = layer.scale.drives(formats)
    for neuron in (0, 17):
        volts = column_of(layer, neuron).drives(spikes[0], chip.analog.v_read)
        inside = (codes[:, neuron] > 0) & (codes[:, neuron] < formats.drive_max)
        assert inside.any()
        error = drive_axis.volts(codes[inside, neuron]) - volts[inside]
        assert np.abs(error).max() < 0.6 * drive_axis.lsb


@needs_ngspice
def test_rows_step_as_the_bench_says():
    column = small_column("charge_share")
    elements, _ = column.rows(explicit=True)
    (line,) = (line for line in elements if line.startswith("vdownbias"))
    corners = re.search(r"pwl\((.*)\)", line)[1].split()
    assert corners[:10] == ["0n", "0.9", "5.3n", "0.9", "5.4n", "0", "9.6n", "0", "9.7n", "0.9"]
    assert corners[10:12] == ["15.3n", "0.9"]
    (still,) = (line for line in elements if line.startswith("vup2 "))
    assert still == "vup2 up2 0 0"


def test_column_heavier_than_it_may_be():
    with pytest.raises(SpiceError, match=r"its pairs are .* F more than c_column = 1e-12 F; map it again"):
        Column(np.array([1e-12]), np.array([1e-13]), (0.0, 0.0), 1e-12)


@needs_ngspice
@pytest.mark.parametrize("circuit", circuits())
def test_lumped_rows_are_the_same_column(circuit):
    column = small_column(circuit)
    lumped, explicit = column.simulate(), column.simulate(explicit=True)
    assert lumped.spikes == explicit.spikes
    assert lumped.v == pytest.approx(explicit.v, abs=2e-6)
    assert lumped.energy == pytest.approx(explicit.energy, rel=1e-3)
    assert lumped.row_energy == pytest.approx(explicit.row_energy, rel=1e-3)


@needs_ngspice
@pytest.mark.parametrize("circuit", circuits())
def test_column_follows_lone_cycles(circuit):
    """A cycle of a chain is a cycle of the characterisation with the chain's v and b, but for what they leave out."""
    column = small_column(circuit, seed=2)
    chain = column.simulate()
    drives = column.column.drives(column.spikes, 0.9)
    before_v = [column.bench.parameters["v_ref"], *chain.v[:-1]]
    before_b = [False, *chain.spikes[:-1]]
    points = [Point(v, float(u), b) for v, u, b in zip(before_v, drives, before_b, strict=True)]
    cycles = column.bench.simulate(points)
    assert [cycle.spike for cycle in cycles] == list(chain.spikes)
    assert chain.v[0] == pytest.approx(cycles[0].v, abs=5e-5)
    assert chain.v == pytest.approx([cycle.v for cycle in cycles], abs=5e-4)
    assert chain.energy == pytest.approx([cycle.energy for cycle in cycles], rel=0.05)


@needs_ngspice
def test_column_that_does_not_end():
    column = small_column("charge_share")
    source = column.bench.netlist
    text = source.text.replace(".ends neuron", "bwild mem 0 i={v(mem) > 0.5 ? 1meg : 0}\n.ends neuron")
    wild = replace(column, bench=replace(column.bench, netlist=replace(source, text=text))).simulate()
    assert isinstance(wild, Failed) and wild.reason, wild


@needs_ngspice
@pytest.mark.parametrize(
    ("line", "reason"),
    [("cx lone 0 1f", "singular matrix"), ("vhold mem 0 0.6", r"v\(mem\) starts at 0.6000 V in place of 0.7200 V")],
)
def test_a_chain_counts_only_if_it_starts_at_rest(line, reason):
    column = small_column("charge_share")
    source = column.bench.netlist
    text = source.text.replace(".ends neuron", f"{line}\n.ends neuron")
    chain = replace(column, bench=replace(column.bench, netlist=replace(source, text=text))).simulate()
    assert isinstance(chain, Failed) and re.search(reason, chain.reason), chain


@needs_ngspice
def test_waves_reach_the_end():
    waves = small_column("charge_share").waves(["mem", "phi1"])
    assert waves["time"][-1] == pytest.approx(STEPS * 10e-9) and len(waves["mem"]) == len(waves["time"])
    assert waves["phi1"].max() == pytest.approx(1.8)
