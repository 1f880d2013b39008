"""The bench's netlist by its sections, and the tables that were measured on it."""

import pytest

from captwin.sim.neurons.circuits import circuit_conditions, load_circuit
from captwin.sim.spice.bench import open_bench
from captwin.sim.spice.bench_file import column_bench, cycle_bench, longest_step, row_clock
from tests.support.needs import circuits, needs_ngspice


def test_sections_of_the_bench():
    cycle, column = cycle_bench().splitlines(), column_bench().splitlines()
    left_out = [line for line in cycle if line not in column]
    assert [line.split()[0] for line in left_out] == ["vrow", "ccolumn", ".tran"]
    assert [line for line in cycle if line in column] == column
    assert not any(line.startswith((".lib", ".endl")) for line in cycle)
    assert row_clock() == pytest.approx((5.3e-9, 0.1e-9, 0.1e-9, 4.2e-9, 10e-9)) and longest_step() == "20p"


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
