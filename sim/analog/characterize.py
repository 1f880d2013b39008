"""From a netlist to its neuron table: every grid point one clock cycle in ngspice, threshold curves by bisection."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.analog.bench import Bench, Point
from sim.analog.ngspice import SpiceError
from sim.analog.runner import Progress, Runner
from sim.analog.table import NeuronTable

#: V, how exactly a threshold curve is known
RESOLUTION = 20e-6


def characterize(
    bench: Bench, points: int, *, date: str, cache: Path | None = None, progress: Progress | None = None
) -> NeuronTable:
    """Measures ``bench`` on ``points`` x ``points`` values of membrane and drive, ISO ``date`` being today.

    Every cycle simulated is kept in the folder ``cache``, so an interrupted run goes on where it stopped. Raises
    :class:`SpiceError`, after all others have been simulated, that names the points that fail.
    """
    if points < 2:
        raise SpiceError(f"points: a grid needs at least 2 a side, got {points}")
    runner = Runner(bench, cache, progress)
    p = bench.parameters
    v, u = np.linspace(p["v_min"], p["v_max"], points), np.linspace(p["u_min"], p["u_max"], points)
    grid = [Point(float(x), float(y), b) for b in (False, True) for x in v for y in u]
    cycles = runner.cycles(grid, "grid")
    shape = (2, points, points)
    spikes = np.array([cycle.spike for cycle in cycles]).reshape(shape)
    return NeuronTable(
        circuit=bench.circuit,
        corner=bench.corner,
        temperature=bench.temperature,
        supply=p["supply"],
        date=date,
        source_sha256=bench.sha256,
        c_column=p["c_column"],
        c_membrane=p["c_membrane"],
        v_rest=p["v_ref"],
        v_read=p["v_read"],
        v=v,
        u=u,
        surfaces=np.array([cycle.v for cycle in cycles]).reshape(shape),
        thresholds=thresholds(runner, v, u, spikes),
        energy=np.array([cycle.energy for cycle in cycles]).reshape(shape),
    )


@dataclass(frozen=True)
class HeldOut:
    """How a table interpolates: errors of the membrane in V, and the share of cycles whose spike it foretells."""

    points: int
    rms: float
    worst: float
    agreement: float


def held_out(bench: Bench, table: NeuronTable, count: int, seed: int, *, progress: Progress | None = None) -> HeldOut:
    """Simulates ``count`` fresh points, drawn evenly from the table's range, and compares."""
    rng = np.random.default_rng(seed)
    v, u = rng.uniform(table.v[0], table.v[-1], count), rng.uniform(table.u[0], table.u[-1], count)
    fired = rng.integers(0, 2, count).astype(bool)
    points = [Point(float(x), float(y), bool(b)) for x, y, b in zip(v, u, fired, strict=True)]
    cycles = Runner(bench, None, progress).cycles(points, "held-out points")
    error = table.step(v, u, fired) - np.array([cycle.v for cycle in cycles])
    agree = table.fires(v, u, fired) == np.array([cycle.spike for cycle in cycles])
    return HeldOut(count, float(np.sqrt((error**2).mean())), float(np.abs(error).max()), float(agree.mean()))


def thresholds(runner: Runner, v: np.ndarray, u: np.ndarray, spikes: np.ndarray) -> np.ndarray:
    """(2, Nv) V by bisection between the neighbouring drives of the grid, all curves a round at a time."""
    if (np.diff(spikes.astype(int), axis=2) < 0).any():
        b, i, j = (int(index) for index in np.argwhere(np.diff(spikes.astype(int), axis=2) < 0)[0])
        point = Point(float(v[i]), float(u[j]), bool(b))
        raise SpiceError(f"{runner.bench.circuit}: more drive than at {point} takes its spike away: no threshold curve")
    first = spikes.argmax(axis=2)
    ever, always = spikes.any(axis=2), spikes[:, :, 0]
    low, high = u[np.maximum(first - 1, 0)], u[first]
    open_ends = np.argwhere(ever & ~always)
    rounds = math.ceil(math.log2(max((u[1] - u[0]) / RESOLUTION, 2)))
    for round_ in range(rounds if len(open_ends) else 0):
        middle = (low + high) / 2
        points = [Point(float(v[i]), float(middle[b, i]), bool(b)) for b, i in open_ends]
        cycles = runner.cycles(points, f"threshold, round {round_ + 1} of {rounds}")
        for (b, i), cycle in zip(open_ends, cycles, strict=True):
            if cycle.spike:
                high[b, i] = middle[b, i]
            else:
                low[b, i] = middle[b, i]
    return np.where(always, u[0], np.where(ever, high, np.inf))
