"""One netlist under several conditions: a neuron table for each, in the place where it is looked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.conditions import Conditions, folder_of
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.spice.bench import Bench
from captwin.sim.spice.characterize import characterize


@dataclass(frozen=True)
class Measured:
    """What came of one of the conditions."""

    conditions: Conditions
    path: Path  #: of the table file
    table: NeuronTable | None  #: None if it could not be measured
    failure: str = ""  #: why not


def table_place(table: Path, conditions: Conditions, own: Conditions) -> Path:
    """The file for a circuit under ``conditions``: ``table`` itself for those of its ``own``, else one beside it."""
    return table if conditions == own else folder_of(table) / f"{conditions.name}{table.suffix}"


def characterize_under(
    open_at: Callable[[Conditions], Bench],
    places: dict[Conditions, Path],
    points: int,
    *,
    drive_points: int | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Iterator[Measured]:
    """Measures the bench that ``open_at`` opens under each of the conditions in ``places``, and saves its table there.

    Every table is saved as soon as it is measured, and every cycle kept in ``cache``, so that an interrupted run goes
    on where it stopped. Where a circuit cannot be measured, because its bias or some cycles do not converge there, the
    result says why, and the others are measured all the same.
    """
    for conditions, path in places.items():

        def tell(what: str, done: int, total: int, where: Conditions = conditions) -> None:
            progress(f"{where}: {what}", done, total)

        try:
            table = characterize(open_at(conditions), points, drive_points=drive_points, cache=cache, progress=tell)
        except CaptwinError as error:
            yield Measured(conditions, path, None, str(error))
            continue
        table.save(path)
        yield Measured(conditions, path, table)


def every(corners: Sequence[str], temperatures: Sequence[float]) -> list[Conditions]:
    """All ``corners`` at all ``temperatures`` [deg C], each pair once."""
    return list(dict.fromkeys(Conditions(corner, float(heat)) for corner in corners for heat in temperatures))
