"""The bench's netlist by its sections, and the tables that were measured on it."""

import pytest

from captwin.sim.neurons.circuits import circuit_conditions, load_circuit
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.benches.bench_file import CYCLE, PAUSE, analysis, column_bench, counted, cycle_bench, row_clock
from tests.support.needs import circuits, needs_ngspice


@pytest.mark.parametrize("foundry", [False, True])
def test_sections_of_the_bench(foundry):
    cycle, column = cycle_bench(foundry=foundry).splitlines(), column_bench().splitlines()
    left_out = [line for line in cycle if line not in column]
    assert [line.split()[0] for line in left_out] == ["vrow", "ccolumn"] + [".option"] * foundry + [".tran"]
    assert [line for line in cycle if line in column] == column
    assert not any(line.startswith((".lib", ".endl")) for line in cycle)
    assert row_clock() == pytest.approx((5.3e-9, 0.1e-9, 0.1e-9, 4.2e-9, 10e-9))


def test_an_analysis_is_as_long_as_its_cycles_need():
    assert analysis(foundry=False) == f".tran 20p {CYCLE:g}n 0 20p\n" and counted(foundry=False) == (0, CYCLE)
    options, run = analysis(foundry=True).splitlines()
    assert run.split()[2] == f"{PAUSE + CYCLE:g}n" and counted(foundry=True) == (PAUSE, PAUSE + CYCLE)
    assert analysis(84.8, foundry=True).splitlines() == [options, run.replace("14.8n", "84.8n")]


@needs_ngspice
@pytest.mark.parametrize("circuit", circuits())
def test_committed_tables_were_measured_on_this_bench(circuit):
    assert open_bench(circuit).sha256 == load_circuit(circuit).source_sha256


@pytest.mark.proof
@needs_ngspice
@pytest.mark.parametrize("circuit", circuits())
def test_so_were_those_of_other_conditions(circuit):
    for conditions in circuit_conditions(circuit):
        table = load_circuit(circuit, conditions.corner, conditions.temperature)
        assert open_bench(circuit, conditions=conditions).sha256 == table.source_sha256, conditions
