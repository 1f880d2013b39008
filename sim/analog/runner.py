"""Simulates on all cores, and remembers: an interrupted run goes on where it stopped."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from hw.support.cache_folder import cache_folder, private_folder
from hw.support.errors import CaptwinError
from sim.analog.bench import Bench, Cycle, Point
from sim.analog.ngspice import SpiceError, require_ngspice

Progress = Callable[[str, int, int], None]  #: what is being done, steps done, steps in all
Task = TypeVar("Task")
Result = TypeVar("Result")

#: cycles simulated by one ngspice process
BATCH = 40


def default_cache() -> Path:
    """Where simulated cycles are kept."""
    return private_folder(cache_folder() / "spice")


class Memory:
    """Records of JSON values, kept in a file of one line each; without a file, none are kept."""

    def __init__(self, file: Path | None) -> None:
        self.file = file

    def read(self) -> Iterator[Any]:
        """All records."""
        if self.file is None or not self.file.is_file():
            return
        for line in self.file.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # an interrupted run's last line

    def add(self, records: Sequence[Any]) -> None:
        """Appends; :class:`CaptwinError` if the file is not writable."""
        if self.file is None or not records:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as file:
                file.write("".join(json.dumps(record) + "\n" for record in records))
        except OSError as error:
            raise CaptwinError(
                f"{self.file}: cannot write: {error.strerror}; the cache needs a writable place"
            ) from None


def side_by_side(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as they come; ``work`` waits for an ngspice process, so threads serve all cores."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        waiting = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


class Runner:
    """Simulates single cycles in batches; those simulated are kept below the folder ``cache``."""

    def __init__(self, bench: Bench, cache: Path | None, progress: Progress | None) -> None:
        require_ngspice()
        self.bench = bench
        self.progress = progress or (lambda what, done, total: None)
        self.memory = Memory(None if cache is None else cache / bench.sha256[:32] / "cycles.jsonl")
        self.known: dict[Point, Cycle] = {}
        for v, u, fired, after, spike, energy in self.memory.read():
            self.known[Point(v, u, bool(fired))] = Cycle(after, bool(spike), energy)

    def cycles(self, points: Sequence[Point], what: str) -> list[Cycle]:
        """The cycle of each point; :class:`SpiceError` naming those that fail, the others being kept."""
        todo = [point for point in dict.fromkeys(points) if point not in self.known]
        failed: list[Point] = []
        size = max(1, min(BATCH, -(-len(todo) // (os.cpu_count() or 1))))
        batches = [todo[start : start + size] for start in range(0, len(todo), size)]
        done = len(points) - len(todo)
        self.progress(what, done, len(points))
        for batch, cycles in side_by_side(self.bench.simulate, batches):
            results = dict(zip(batch, cycles, strict=True))
            failed += [point for point, cycle in results.items() if cycle is None]
            found = {point: cycle for point, cycle in results.items() if cycle is not None}
            self.known |= found
            self.memory.add([[*point, *cycle] for point, cycle in found.items()])
            done += len(batch)
            self.progress(what, done, len(points))
        if failed:
            named = ", ".join(str(point) for point in failed[:5]) + (", ..." if len(failed) > 5 else "")
            raise SpiceError(
                f"{self.bench.circuit}: {len(failed)} of {len(points)} points do not converge, or not in time: {named};"
                " the others are kept: mend the netlist's convergence or its range"
            )
        return [self.known[point] for point in points]
