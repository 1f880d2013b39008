"""Neuron tables against ngspice once more: some of their cycles simulated again, and what differs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.circuits import circuit_conditions, conditions_of, load_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.spice.benches.bench import Bench, Point
from captwin.sim.spice.characterize import RESOLUTION
from captwin.sim.spice.runner import Runner

#: V and share: largest differences of a membrane and of an energy at which a table is right
VOLTS, SHARE = 20e-6, 0.01
#: the share where a PDK's transistors need a larger one: energies of SKY130's cycles jump by up to 1.6 % with the last
#: bits of a number, as ngspice's steps meet a clock's edge earlier or later
SHARES = {"sky130": 0.03}
#: V of drive to either side of a threshold at which its place is tried: as exactly as it was found, and by as much as
#: moves the membrane by VOLTS (a drive moves it by half as much or more)
BESIDE = RESOLUTION + 2 * VOLTS


@dataclass(frozen=True)
class Remeasured:
    """How far ngspice now is from what a table says."""

    conditions: Conditions  #: of the table
    same_source: bool  #: whether netlist, device models, bench and conditions are those that the table was made from
    cycles: int  #: simulated at points of the table's grid
    membrane: float  #: V, largest difference of the membrane after a cycle
    energy: float | None  #: largest difference of a cycle's energy, as a share of the table's; None if it has none
    decisions: int  #: cycles whose spike was compared: those of the grid, and those beside the thresholds
    wrong: int  #: how many of these have another spike than the table
    share: float = SHARE  #: largest difference of an energy that ngspice's own error explains

    def right(self, volts: float = VOLTS, share: float | None = None) -> bool:
        """Whether no spike is another, no membrane off by more than ``volts`` V, no energy by more than ``share``, by
        default its own."""
        most = self.share if share is None else share
        return self.wrong == 0 and self.membrane <= volts and (self.energy or 0.0) <= most


def remeasure_circuit(
    circuit: str,
    open_for: Callable[[NeuronTable], Bench],
    points: int,
    *,
    corner: str | None = None,
    temperature: float | None = None,
    progress: Progress = silent,
) -> Iterator[Remeasured]:
    """Does :func:`remeasure` with the tables of ``circuit``, each on the bench that ``open_for`` opens for it.

    With a ``corner`` or a ``temperature`` in deg C it is the one table that :func:`load_circuit` finds, else all.
    """
    tables = [load_circuit(circuit, corner, temperature)]
    if corner is None and temperature is None:
        tables = [load_circuit(circuit, each.corner, each.temperature) for each in circuit_conditions(circuit)]
    for table in tables:
        yield remeasure(open_for(table), table, points, progress=progress)


def remeasure(bench: Bench, table: NeuronTable, points: int, *, progress: Progress = silent) -> Remeasured:
    """Simulates ``points`` of the table's membranes with ``points`` of its drives again, spread evenly, all if it has
    fewer, and BESIDE the thresholds at these membranes. Nothing is taken from the cache.

    Raises :class:`SpiceError` that names the points where ngspice fails.
    """
    runner = Runner(bench, None, progress)
    rows, columns = _spread(len(table.v), points), _spread(len(table.u), points)
    places = [(b, int(i), int(j)) for b in (0, 1) for i in rows for j in columns]
    grid = [Point(float(table.v[i]), float(table.u[j]), bool(b)) for b, i, j in places]
    cycles = runner.cycles(grid, "grid")
    chosen = tuple(np.array(places).T)
    after, spikes = (np.array([cycle[field] for cycle in cycles]) for field in (0, 1))
    expected = table.u[chosen[2]] >= table.thresholds[chosen[0], chosen[1]]
    energy = None
    if table.energy is not None:
        drawn = np.array([cycle.energy for cycle in cycles])
        energy = float(np.abs(drawn / table.energy[chosen] - 1).max())
    beside = [
        (Point(float(table.v[i]), float(table.thresholds[b, i] + side * BESIDE), bool(b)), side > 0)
        for b in (0, 1)
        for i in rows
        if table.u[0] < table.thresholds[b, i] < np.inf
        for side in (-1, 1)
    ]
    decided = runner.cycles([point for point, _ in beside], "thresholds")
    wrong = sum(cycle.spike != fires for cycle, (_, fires) in zip(decided, beside, strict=True))
    return Remeasured(
        conditions=conditions_of(table),
        same_source=bench.sha256 == table.source_sha256,
        cycles=len(cycles),
        membrane=float(np.abs(after - table.after[chosen]).max()),
        energy=energy,
        decisions=len(cycles) + len(beside),
        wrong=int((spikes != expected).sum()) + wrong,
        share=SHARES.get(bench.models, SHARE),
    )


def _spread(count: int, points: int) -> np.ndarray:
    """Numbers of ``points`` of ``count`` entries, the ends among them; of all if there are no more."""
    return np.unique(np.linspace(0, count - 1, min(count, points)).round().astype(int))
