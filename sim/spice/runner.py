"""Simulates on all cores, and remembers: an interrupted run goes on where it stopped."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from captwin.hw.support.progress import Progress, silent
from captwin.sim.spice.benches.bench import Bench, Cycle, Failed, Point
from captwin.sim.spice.benches.halves import Halves
from captwin.sim.spice.memory import Memory
from captwin.sim.spice.ngspice import SpiceError, require_ngspice

Task = TypeVar("Task")
Result = TypeVar("Result")

#: cycles simulated by one ngspice process
BATCH = 40


def side_by_side(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as they come; ``work`` waits for an ngspice process, so threads serve all cores."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        waiting = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def failures(subject: str, reasons: Mapping[Any, str]) -> SpiceError:
    """What to raise when some of many simulations fail, ``reasons`` by their places."""
    named = ", ".join(str(place) for place in list(reasons)[:5]) + (", ..." if len(reasons) > 5 else "")
    reason = "; ".join(sorted(set(reasons.values()))[:2])
    return SpiceError(
        f"{subject} do not converge, or not in time: {named}: {reason}; the others are kept: mend the netlist's"
        " convergence or its range"
    )


class Runner:
    """Simulates single cycles in batches; those simulated are kept below the folder ``cache``."""

    def __init__(self, bench: Bench, cache: Path | None, progress: Progress = silent) -> None:
        require_ngspice()
        self.bench = bench
        self.halves = Halves(bench)
        self.progress = progress
        self.memory = Memory(None if cache is None else cache / self.halves.key[:32] / "cycles.txt", width=6)
        self.known: dict[Point, Cycle] = {}
        for v, u, fired, after, spike, energy in self.memory.read():
            self.known[Point(v, u, bool(fired))] = Cycle(after, bool(spike), energy)

    def cycles(self, points: Sequence[Point], what: str) -> list[Cycle]:
        """The cycle of each point; :class:`SpiceError` naming those that fail, the others being kept."""
        missing = [point for point in dict.fromkeys(points) if point not in self.known]
        failed: dict[Point, str] = {}
        size = max(1, min(BATCH, -(-len(missing) // (os.cpu_count() or 1))))
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        done = len(points) - len(missing)
        self.progress(what, done, len(points))
        for batch, cycles in side_by_side(self.halves.simulate, batches):
            results = dict(zip(batch, cycles, strict=True))
            simulated = {point: cycle for point, cycle in results.items() if isinstance(cycle, Cycle)}
            failed |= {point: cycle.reason for point, cycle in results.items() if isinstance(cycle, Failed)}
            self.known |= simulated
            self.memory.add([[*point, *cycle] for point, cycle in simulated.items()])
            done += len(batch)
            self.progress(what, done, len(points))
        if failed:
            raise failures(f"{self.bench.circuit}: {len(failed)} of {len(points)} points", failed)
        return [self.known[point] for point in points]
