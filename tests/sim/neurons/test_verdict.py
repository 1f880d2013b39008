"""What the verdict says of tables whose faults are known."""

import re
from dataclasses import replace

import numpy as np
import pytest

from captwin.sim.neurons.circuits import circuit_names, ideal_twin, load_circuit
from captwin.sim.neurons.table import NeuronTable, TableError
from captwin.sim.neurons.verdict import judge, require_usable
from tests.support.tables import small_table


@pytest.mark.parametrize("name", circuit_names())
def test_reference_circuits_are_usable(name):
    table = load_circuit(name)
    require_usable(table)
    require_usable(ideal_twin(table))
    assert judge(table).warnings == () and judge(table).fatal is None


def test_figures_of_an_integrator_are_those_it_was_made_with():
    verdict = judge(small_table(points=33, level=0.02))
    assert verdict.threshold == pytest.approx(0.03) and verdict.drive_share == pytest.approx(0.3)
    assert verdict.leak == pytest.approx(2 / 3) and verdict.rest_shift == pytest.approx(0)
    assert verdict.reset_left == pytest.approx(1 / 30) and verdict.reset_error == pytest.approx(0.02 / 30)
    assert verdict.threshold_after_spike == pytest.approx(0.03 - 0.02 / 30 * 1.5)
    assert verdict.hysteresis == pytest.approx(0)
    # The hysteresis of a spike is what its own curve is higher by.
    table = small_table(points=33, level=0.02)
    raised = replace(table, thresholds=table.thresholds + np.array([[0.0], [0.01]]))
    assert judge(raised).hysteresis == pytest.approx(0.01)


def with_thresholds(silent: float, spiked: float) -> NeuronTable:
    table = small_table()
    return replace(table, thresholds=np.array([[silent] * len(table.v), [spiked] * len(table.v)]))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (with_thresholds(np.inf, np.inf), "never fires: no drive of the table, -100 to 100 mV, .* above 0.817 V"),
        (
            with_thresholds(-0.01, 0.02),
            "fires without drive: .* -100 to 100 mV, .* -10.0 mV, its trip point at 0.743 V",
        ),
        (with_thresholds(-0.1, 0.02), "fires without drive: .* below all of them, its trip point below 0.683 V"),
        (with_thresholds(0.02, -0.1), "stays on"),
    ],
)
def test_useless_tables_are_refused_in_one_line(table, reason):
    assert re.match(reason, judge(table).fatal or "")
    with pytest.raises(TableError, match=f"^small: {reason}") as caught:
        require_usable(table)
    assert "\n" not in str(caught.value)


def test_only_membranes_that_occur_can_leave_the_table():
    table = small_table()
    assert judge(table).membranes_outside == 0
    far = table.surfaces.copy()
    far[0, -1] = 2.0  # where no silent neuron ever stands
    assert judge(replace(table, surfaces=far)).membranes_outside == 0
    far = far.copy()
    far[1, len(table.v) // 2] = 2.0  # where one stands that has fired
    assert judge(replace(table, surfaces=far)).membranes_outside > 0


def creeping() -> NeuronTable:
    """Every cycle lifts the membrane, and the threshold falls with it as an integrator's does."""
    table = small_table(points=33, level=0.01)
    return replace(table, surfaces=np.minimum(table.surfaces + 0.04, 1.0))


@pytest.mark.parametrize(
    ("table", "warning"),
    [
        (with_thresholds(0.02, -0.05), "stays on without drive"),
        (with_thresholds(0.02, np.inf), "drives leave the table"),
        (with_thresholds(0.08, 0.08), "more than half of the table's drives"),
        (replace(small_table(), surfaces=small_table().surfaces * 1.3), "membranes leave the table: "),
        (creeping(), "fires without drive in cycle 2 from rest"),
    ],
)
def test_doubtful_tables_are_warned_of_but_usable(table, warning):
    require_usable(table)
    assert any(warning in line for line in judge(table).warnings), judge(table)


def test_a_table_of_positive_drives_alone_is_judged():
    table = small_table()
    warnings = judge(replace(table, u=table.u + 0.2, thresholds=table.thresholds + 0.2)).warnings
    assert any("drives of both signs" in line for line in warnings)
