"""What a cycle's past does beyond v and b: cycles of whole columns, simulated once more as a table's points are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captwin.sim.fidelity.result import Fidelity, rms_of
from captwin.sim.spice.bench import Point
from captwin.sim.spice.runner import Progress, Runner

#: cycles simulated alone
LONE_CYCLES = 200


@dataclass(frozen=True)
class LoneCycles:
    """Some cycles of the chains, each simulated once more alone from the chain's v and b, as a table is measured."""

    cycles: int
    hidden_rms: float  #: V, chain less lone cycle: state that v and b do not hold
    hidden_worst: float
    hidden_agreement: float  #: share of them whose spike is the chain's
    table_rms: float  #: V, the twin's one cycle less the lone cycle: interpolation and rounding
    table_agreement: float


def lone_cycles(
    result: Fidelity, *, seed: int = 1, cache: Path | None = None, progress: Progress | None = None
) -> LoneCycles:
    """Simulates :data:`LONE_CYCLES` of the cycles that have a past alone, drawn by ``seed``; all if they are fewer."""
    points: list[Point] = []
    found: list[list[np.ndarray]] = [[], [], [], []]
    for layer in result.layers:
        # A column of another capacitance than the bench's would need a bench of its own.
        same = np.isclose(result.chip.layers[layer.layer].c_column[layer.neurons], result.bench.parameters["c_column"])
        before_v, before_b = layer.before
        keep = np.broadcast_to(same, before_v.shape)
        points += [
            Point(float(a), float(u), bool(b))
            for a, u, b in zip(before_v[keep], layer.drives[:, 1:][keep], before_b[keep], strict=True)
        ]
        for values, array in zip(found, (layer.v, layer.spikes, layer.near_v, layer.near_spikes), strict=True):
            values.append(array[:, 1:][keep])
    if not points:
        return LoneCycles(0, 0.0, 0.0, 1.0, 0.0, 1.0)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(points), min(LONE_CYCLES, len(points)), replace=False)
    cycles = Runner(result.bench, cache, progress).cycles([points[index] for index in chosen], "lone cycles")
    lone_v, lone_s = np.array([cycle.v for cycle in cycles]), np.array([cycle.spike for cycle in cycles])
    chain_v, chain_s, twin_v, twin_s = (np.concatenate(values)[chosen] for values in found)
    hidden, table = (chain_v - lone_v)[chain_s == lone_s], (twin_v - lone_v)[twin_s == lone_s]
    return LoneCycles(
        cycles=len(chosen),
        hidden_rms=rms_of(hidden),
        hidden_worst=float(np.abs(hidden).max(initial=0.0)),
        hidden_agreement=float((chain_s == lone_s).mean()),
        table_rms=rms_of(table),
        table_agreement=float((twin_s == lone_s).mean()),
    )
