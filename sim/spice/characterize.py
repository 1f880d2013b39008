"""From a netlist to its neuron table: every grid point one clock cycle in ngspice, threshold curves by bisection."""

import math
from dataclasses import dataclass
from datetime import date as calendar_day
from pathlib import Path

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.outcomes import Samples, continued
from captwin.sim.neurons.table import MOST_POINTS, NeuronTable
from captwin.sim.spice.benches.bench import Bench, Point, open_bench
from captwin.sim.spice.ngspice import SpiceError
from captwin.sim.spice.runner import Runner

#: V, how exactly a threshold curve is known
RESOLUTION = 20e-6
#: V of drive from the threshold at which each outcome is measured once more. Closer by, a comparator takes long to make
#: up its mind, and what it does to the membrane meanwhile is not what it does elsewhere.
CLEAR = 2e-3


def characterize(
    circuit: Bench | str,
    points: int = 33,
    *,
    drive_points: int | None = None,
    resolution: float = RESOLUTION,
    date: str | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> NeuronTable:
    """Measures a neuron in ngspice, one clock cycle for each of ``points`` membranes and ``drive_points`` drives (as
    many as membranes by default), and the surfaces of cycles with and without a spike, each past the threshold.

    ``circuit`` is the name of a reference circuit, or a bench that
    :func:`~captwin.sim.spice.benches.bench.open_bench` made of another netlist, corner or temperature. Thresholds are
    known to ``resolution`` V. ``date`` is what the table states as the day of measurement, ISO 8601, today by default.
    Every cycle simulated is kept in the folder ``cache``, so an interrupted run goes on where it stopped; ``progress``
    is called with what is being done, steps done, steps in all.
    Raises :class:`SpiceError` if ngspice is not installed, or, after all others have been simulated, that names the
    points that fail.

    >>> captwin.characterize("charge_share", 5).surfaces.shape
    (2, 2, 5, 5)
    """
    bench = open_bench(circuit) if isinstance(circuit, str) else circuit
    drive_points = points if drive_points is None else drive_points
    for name, count in (("points", points), ("drive_points", drive_points)):
        if not 2 <= count <= MOST_POINTS:
            raise SpiceError(f"{name}: a grid needs 2 to {MOST_POINTS} a side, got {count}")
    runner = Runner(bench, cache, progress)
    p = bench.parameters
    v, u = np.linspace(p["v_min"], p["v_max"], points), np.linspace(p["u_min"], p["u_max"], drive_points)
    grid = [Point(float(x), float(y), b) for b in (False, True) for x in v for y in u]
    cycles = runner.cycles(grid, "grid")
    shape = (2, points, drive_points)
    spikes = np.array([cycle.spike for cycle in cycles]).reshape(shape)
    curves = thresholds(runner, v, u, spikes, resolution)
    measured = np.array([cycle.v for cycle in cycles]).reshape(shape)
    return NeuronTable(
        circuit=bench.circuit,
        corner=bench.conditions.corner,
        temperature=bench.conditions.temperature,
        supply=p["supply"],
        date=date or calendar_day.today().isoformat(),
        source_sha256=bench.sha256,
        c_column=p["c_column"],
        c_membrane=p["c_membrane"],
        v_rest=p["v_ref"],
        v_read=p["v_read"],
        v=v,
        u=u,
        surfaces=surfaces_by_outcome(runner, v, u, measured, spikes, curves),
        thresholds=curves,
        energy=np.array([cycle.energy for cycle in cycles]).reshape(shape),
    ).rounded()


#: a drive is near the threshold within this share of the table's drives: the spacing of a grid of 33
NEAR = 1 / 32


@dataclass(frozen=True)
class HeldOut:
    """How a table predicts cycles between its points: the membrane over the whole table, given the spike where that
    chooses a surface, and the spike near the threshold, where it matters."""

    points: int  #: fresh cycles over the whole table
    rms: float  #: V, of the membrane's error over these
    worst: float  #: V, the largest of these errors
    near: float  #: V to either side of the table's threshold that count as near it
    near_points: int  #: fresh cycles near the threshold; 0 of a table that holds none
    agreement: float | None  #: share of the cycles near the threshold whose spike the table predicts; None without any


def held_out(bench: Bench, table: NeuronTable, count: int, seed: int, *, progress: Progress = silent) -> HeldOut:
    """Simulates fresh points and compares: ``count`` drawn evenly from the table's range, and as many whose drive lies
    within NEAR of the threshold that the table foretells."""
    rng = np.random.default_rng(seed)
    v, u = rng.uniform(table.v[0], table.v[-1], count), rng.uniform(table.u[0], table.u[-1], count)
    fired = rng.integers(0, 2, count).astype(bool)
    runner = Runner(bench, None, progress)
    cycles = runner.cycles(_points(v, u, fired), "held-out points")
    spikes = np.array([cycle.spike for cycle in cycles], bool)
    error = table.step(v, u, fired, spikes=spikes) - np.array([cycle.v for cycle in cycles])
    near = NEAR * float(table.u[-1] - table.u[0])
    v, u, fired = _near_threshold(table, count, near, rng)
    cycles = runner.cycles(_points(v, u, fired), "held-out spikes")
    agree = table.fires(v, u, fired) == np.array([cycle.spike for cycle in cycles], bool)
    return HeldOut(
        points=count,
        rms=float(np.sqrt((error**2).mean())),
        worst=float(np.abs(error).max()),
        near=near,
        near_points=len(v),
        agreement=float(agree.mean()) if len(v) else None,
    )


def _points(v: np.ndarray, u: np.ndarray, fired: np.ndarray) -> list[Point]:
    return [Point(float(x), float(y), bool(b)) for x, y, b in zip(v, u, fired, strict=True)]


def _near_threshold(
    table: NeuronTable, count: int, near: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Membranes, drives and spikes before, (n,) each, of ``count`` cycles within ``near`` V of a threshold; of none if
    the table has no threshold between its drives."""
    inside = np.isfinite(table.thresholds) & (table.thresholds > table.u[0])
    if not inside.any():
        return np.empty(0), np.empty(0), np.empty(0, bool)
    # A point of a curve and a place between it and its neighbours, where the curve is still within the table.
    chosen = np.argwhere(inside)[rng.integers(0, int(inside.sum()), count)]
    b, i = chosen[:, 0], chosen[:, 1]
    spacing = np.gradient(table.v)
    v = np.clip(table.v[i] + spacing[i] * rng.uniform(-0.5, 0.5, count), table.v[0], table.v[-1])
    finite = np.where(np.isinf(table.thresholds), table.u[-1], table.thresholds)
    curve = np.where(b == 1, np.interp(v, table.v, finite[1]), np.interp(v, table.v, finite[0]))
    u = np.clip(curve + rng.uniform(-near, near, count), table.u[0], table.u[-1])
    return v, u, b == 1


def thresholds(
    runner: Runner, v: np.ndarray, u: np.ndarray, spikes: np.ndarray, resolution: float = RESOLUTION
) -> np.ndarray:
    """(2, Nv) V, known to ``resolution``, by bisection between the neighbouring drives of the grid, all curves a round
    at a time."""
    if (np.diff(spikes.astype(int), axis=2) < 0).any():
        b, i, j = (int(index) for index in np.argwhere(np.diff(spikes.astype(int), axis=2) < 0)[0])
        point = Point(float(v[i]), float(u[j]), bool(b))
        raise SpiceError(f"{runner.bench.circuit}: more drive than at {point} takes its spike away: no threshold curve")
    first = spikes.argmax(axis=2)
    ever, always = spikes.any(axis=2), spikes[:, :, 0]
    low, high = u[np.maximum(first - 1, 0)], u[first]
    open_ends = np.argwhere(ever & ~always)
    rounds = math.ceil(math.log2(max((u[1] - u[0]) / resolution, 2)))
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


def surfaces_by_outcome(
    runner: Runner, v: np.ndarray, u: np.ndarray, measured: np.ndarray, spikes: np.ndarray, curves: np.ndarray
) -> np.ndarray:
    """(2, 2, Nv, Nu) V: the surfaces of cycles without and with a spike, each :func:`continued` past the threshold.

    ``measured`` and ``spikes``, (2, Nv, Nu), are membranes in V and spikes after the cycles of the grid, ``curves`` the
    thresholds. On both sides of these, one more cycle a row is simulated, CLEAR away.
    """
    crossed = np.argwhere(spikes.any(axis=2) & ~spikes[:, :, 0])
    points = [
        Point(float(v[i]), float(np.clip(curves[b, i] + side * CLEAR, u[0], u[-1])), bool(b))
        for b, i in crossed
        for side in (-1, 1)
    ]
    cycles = runner.cycles(points, "both outcomes")
    surfaces = np.empty((2, 2, *measured.shape[1:]))
    for b in (0, 1):
        for s in (0, 1):
            chosen = [
                (i, point.u, cycle.v)
                for (_, i), point, cycle in zip(np.repeat(crossed, 2, axis=0), points, cycles, strict=True)
                if point.fired == b and cycle.spike == s
            ]
            rows, drives, after = np.array(chosen).reshape(-1, 3).T
            samples = Samples(rows.astype(int), drives, after)
            surfaces[b, s] = continued(measured[b], spikes[b] == s, u, samples)
    return surfaces
