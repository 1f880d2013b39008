"""Simulates many columns on all cores, and keeps them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from sim.analog.column import Chain, ColumnBench
from sim.analog.ngspice import SpiceError
from sim.analog.runner import Memory, Progress, side_by_side

Place = TypeVar("Place")


def simulate_chains(
    what: str, columns: Mapping[Place, ColumnBench], *, cache: Path | None = None, progress: Progress | None = None
) -> dict[Place, Chain]:
    """The chain of each of ``columns``, all of one bench; ``what`` they are goes to ``progress``.

    Chains simulated are kept in the folder ``cache``. Raises :class:`SpiceError`, after all others have been
    simulated, that names the places of those that fail.
    """
    bench = next(iter(columns.values())).bench
    memory = Memory(None if cache is None else cache / bench.sha256[:32] / "columns.jsonl")
    known = {}
    for key, v, spikes, energy, rows, seconds in memory.read():
        known[key] = Chain(tuple(v), tuple(map(bool, spikes)), tuple(energy), tuple(rows), seconds)
    keys = {place: column.sha256 for place, column in columns.items()}
    todo = [place for place, key in keys.items() if key not in known]
    done = len(keys) - len(todo)
    tell = progress or (lambda what, done, total: None)
    tell(what, done, len(keys))
    failed = []
    for place, chain in side_by_side(lambda place: columns[place].simulate(), todo):
        done += 1
        tell(what, done, len(keys))
        if chain is None:
            failed.append(str(place))
            continue
        known[keys[place]] = chain
        spikes = [int(spike) for spike in chain.spikes]
        memory.add([[keys[place], chain.v, spikes, chain.energy, chain.row_energy, round(chain.seconds, 3)]])
    if failed:
        named = ", ".join(failed[:5]) + (", ..." if len(failed) > 5 else "")
        raise SpiceError(
            f"{bench.circuit}: {len(failed)} of {len(keys)} columns do not converge, or not in time: {named};"
            " the others are kept: mend the netlist's convergence"
        )
    return {place: known[key] for place, key in keys.items()}
