"""Hidden state: what a neuron remembers beyond its membrane and its last spike.

Cycles of whole columns are simulated once more, each alone and begun as a table's points are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.fidelity.result import Fidelity, rms_of
from captwin.sim.spice.benches.bench import Point
from captwin.sim.spice.runner import Runner

#: cycles simulated alone
LONE_CYCLES = 200


@dataclass(frozen=True)
class HiddenState:
    """Cycles of the chains, each simulated once more alone from the chain's membrane and last spike, as a table is
    measured. Errors are membranes in V where both spike, or neither does."""

    cycles: int  #: that were simulated alone
    hidden_rms: float  #: V, RMS of chain less lone cycle: state that membrane and last spike do not hold
    hidden_worst: float  #: V, the largest of these
    hidden_agreement: float  #: share of the lone cycles whose spike is the chain's
    table_rms: float  #: V, RMS of the twin's one cycle less the lone cycle: interpolation and rounding of the table
    table_agreement: float  #: share of the lone cycles whose spike is the twin's


def hidden_state(
    result: Fidelity, *, seed: int = 1, cache: Path | None = None, progress: Progress = silent
) -> HiddenState:
    """Simulates :data:`LONE_CYCLES` of the cycles that have a past alone, drawn by ``seed``; all if they are fewer."""
    points: list[Point] = []
    gathered: list[list[np.ndarray]] = [[], [], [], []]  # membranes and spikes of the chain, then of the twin
    for layer in result.layers:
        # A column of another capacitance than the bench's would need a bench of its own.
        same = np.isclose(result.chip.layers[layer.layer].c_column[layer.neurons], result.bench.parameters["c_column"])
        before_v, before_b = layer.before
        usable = np.broadcast_to(same, before_v.shape)
        points += [
            Point(float(a), float(u), bool(b))
            for a, u, b in zip(before_v[usable], layer.drives[:, 1:][usable], before_b[usable], strict=True)
        ]
        for values, array in zip(gathered, (layer.v, layer.spikes, layer.near_v, layer.near_spikes), strict=True):
            values.append(array[:, 1:][usable])
    if not points:
        return HiddenState(0, 0.0, 0.0, 1.0, 0.0, 1.0)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(points), min(LONE_CYCLES, len(points)), replace=False)
    cycles = Runner(result.bench, cache, progress).cycles([points[index] for index in chosen], "lone cycles")
    lone_v, lone_s = np.array([cycle.v for cycle in cycles]), np.array([cycle.spike for cycle in cycles])
    chain_v, chain_s, twin_v, twin_s = (np.concatenate(values)[chosen] for values in gathered)
    hidden, table = (chain_v - lone_v)[chain_s == lone_s], (twin_v - lone_v)[twin_s == lone_s]
    return HiddenState(
        cycles=len(chosen),
        hidden_rms=rms_of(hidden),
        hidden_worst=float(np.abs(hidden).max(initial=0.0)),
        hidden_agreement=float((chain_s == lone_s).mean()),
        table_rms=rms_of(table),
        table_agreement=float((twin_s == lone_s).mean()),
    )
