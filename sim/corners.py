"""A circuit, and a chip of it, over all corners and temperatures that there are tables for."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.progress import Progress, silent
from captwin.sim.evaluate import Evaluation, evaluate
from captwin.sim.neurons.circuits import circuit_conditions, circuit_of, load_circuit, on_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import Verdict, judge


@dataclass(frozen=True)
class CircuitAt:
    """A circuit under one of its conditions."""

    conditions: Conditions
    table: NeuronTable
    verdict: Verdict  #: on that table

    @property
    def energy(self) -> float | None:
        """J, median of what a cycle draws; None if the table does not tell."""
        return None if self.table.energy is None else float(np.median(self.table.energy))


@dataclass(frozen=True)
class ChipAt(CircuitAt):
    """A chip on labelled images under one of the conditions of its circuit."""

    evaluation: Evaluation


def circuit_corners(circuit: str) -> tuple[CircuitAt, ...]:
    """The circuit that :func:`load_circuit` finds, under all its conditions: first those of its own table."""
    places = []
    for conditions in circuit_conditions(circuit):
        table = load_circuit(circuit, conditions.corner, conditions.temperature)
        places.append(CircuitAt(conditions, table, judge(table)))
    return tuple(places)


def chip_corners(
    chip: Chip, pixels: np.ndarray, labels: np.ndarray, *, circuit: str | None = None, progress: Progress = silent
) -> tuple[ChipAt, ...]:
    """Runs ``pixels``, (images, pixels) uint8 with the right classes ``labels``, through ``chip`` under all conditions
    of its circuit, as :func:`~captwin.sim.evaluate.evaluate` does: the same capacitors, another table each time.

    ``circuit`` is what :func:`~captwin.sim.neurons.circuits.under_conditions` takes. Raises :class:`CaptwinError` if
    there are no tables, or none that the chip can run on.

    >>> digits = captwin.load_dataset("digits")
    >>> places = captwin.evaluate_corners(captwin.load_chip("digits"), digits.test_images, digits.test_labels)
    >>> places[0].conditions.name, places[0].evaluation.errors
    ('tt_27', 11)
    """
    circuits = circuit_corners(circuit_of(chip, circuit))
    places = []
    for number, at in enumerate(circuits):
        progress(str(at.conditions), number, len(circuits))
        evaluation = evaluate(on_circuit(chip, at.table), pixels, labels)
        places.append(ChipAt(at.conditions, at.table, at.verdict, evaluation))
    progress("done", len(circuits), len(circuits))
    return tuple(places)
