"""A table is held against ngspice again; one that was altered is found out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.sim.fidelity.remeasure import remeasure
from captwin.sim.neurons.circuits import circuit_conditions, load_circuit
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.neurons.table import MOST_POINTS, NeuronTable
from captwin.sim.spice.benches.bench import Bench, open_bench
from captwin.sim.spice.characterize import characterize
from tests.support.needs import circuits, needs_ngspice

pytestmark = needs_ngspice
EXTREMES = [Conditions("ss", -40.0), Conditions("ff", 125.0)]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open_bench("charge_share")


@pytest.fixture(scope="module")
def table(bench: Bench) -> NeuronTable:
    return characterize(bench, 4, date="2026-01-31")


def test_a_table_is_measured_alike_again(bench: Bench, table: NeuronTable, tmp_path: Path) -> None:
    table.save(tmp_path / "again.json")
    result = remeasure(bench, NeuronTable.load(tmp_path / "again.json"), 3)
    crossed = int((np.isfinite(table.thresholds[:, [0, 2, 3]]) & (table.thresholds[:, [0, 2, 3]] > table.u[0])).sum())
    assert result.same_source and result.cycles == 2 * 3 * 3 and result.decisions == result.cycles + 2 * crossed
    # Tables are rounded to 0.1 uV and 5 digits.
    assert result.membrane < 1e-6 and result.energy is not None and result.energy < 1e-4 and result.wrong == 0


def test_what_differs_is_found(bench: Bench, table: NeuronTable) -> None:
    assert table.energy is not None
    moved = remeasure(bench, replace(table, surfaces=table.surfaces + 50e-6), 2)
    assert moved.membrane == pytest.approx(50e-6, abs=1e-6) and moved.wrong == 0
    assert moved.right(volts=60e-6) and not moved.right()
    costly = remeasure(bench, replace(table, energy=1.02 * table.energy), 2)
    assert costly.energy == pytest.approx(0.02, abs=0.001) and costly.right(share=0.03) and not costly.right()
    free = remeasure(bench, replace(table, energy=None), 2)
    assert free.energy is None and free.right()
    late = remeasure(bench, replace(table, thresholds=table.thresholds + 1e-3), MOST_POINTS)
    assert late.wrong > 0 and not late.right(volts=1, share=1)
    assert not remeasure(bench, replace(table, source_sha256="0" * 64), 2).same_source


@pytest.mark.parametrize("circuit", circuits(slow=()))
def test_committed_tables_are_what_ngspice_says(circuit: str) -> None:
    """Some points of each; of the foundry's also under the slowest and the fastest conditions. SKY130's cards take so
    long to read that its other conditions are left to the proof."""
    slow = circuit == "sky130_charge_share"
    others = [each for each in EXTREMES if each in circuit_conditions(circuit) and not slow]
    for conditions, points in [(TYPICAL, 3 if slow else 5), *((each, 2) for each in others)]:
        check_committed(circuit, conditions, points)


@pytest.mark.proof
@pytest.mark.parametrize("circuit", circuits())
def test_so_are_all_their_points(circuit: str) -> None:
    for conditions in circuit_conditions(circuit):
        check_committed(circuit, conditions, MOST_POINTS)


def check_committed(circuit: str, conditions: Conditions, points: int) -> None:
    table = load_circuit(circuit, conditions.corner, conditions.temperature)
    result = remeasure(open_bench(circuit, conditions=conditions), table, points)
    assert result.same_source and result.right() and result.energy is not None, result
