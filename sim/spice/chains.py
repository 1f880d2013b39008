"""Simulates many columns on all cores, and keeps the results: an interrupted run goes on where it stopped."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from captwin.hw.support.progress import Progress, silent
from captwin.sim.spice.benches.bench import Failed
from captwin.sim.spice.benches.column import Chain, ColumnBench
from captwin.sim.spice.memory import Memory
from captwin.sim.spice.runner import failures, side_by_side

Place = TypeVar("Place")


def simulate_chains(
    what: str, columns: Mapping[Place, ColumnBench], *, cache: Path | None = None, progress: Progress = silent
) -> dict[Place, Chain]:
    """The chain of each of ``columns``, all of one bench; ``progress`` is told ``what`` they are.

    Chains simulated are kept in the folder ``cache``. Raises :class:`SpiceError`, after all others have been
    simulated, that names the places of those that fail.
    """
    bench = next(iter(columns.values())).bench
    memory = Memory(None if cache is None else cache / bench.key[:32] / "columns.txt", width=6)
    known = {}
    for key, v, spikes, energy, rows, seconds in memory.read():
        known[key] = Chain(tuple(v), tuple(map(bool, spikes)), tuple(energy), tuple(rows), seconds)
    keys = {place: column.sha256 for place, column in columns.items()}
    missing = [place for place, key in keys.items() if key not in known]
    done = len(keys) - len(missing)
    progress(what, done, len(keys))
    failed = {}
    for place, chain in side_by_side(lambda place: columns[place].simulate(), missing):
        done += 1
        progress(what, done, len(keys))
        if isinstance(chain, Failed):
            failed[place] = chain.reason
            continue
        known[keys[place]] = chain
        spikes = [int(spike) for spike in chain.spikes]
        memory.add([[keys[place], chain.v, spikes, chain.energy, chain.row_energy, round(chain.seconds, 3)]])
    if failed:
        raise failures(f"{bench.circuit}: {len(failed)} of {len(keys)} columns", failed)
    return {place: known[key] for place, key in keys.items()}
