"""One netlist under several conditions: a neuron table for each, in the place where it is looked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.conditions import SUFFIX, Conditions, folder_of
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.characterize import characterize


@dataclass(frozen=True)
class Measured:
    """What came of one of the conditions."""

    conditions: Conditions
    path: Path  #: of the table file
    table: NeuronTable | None  #: None if it could not be measured
    failure: str = ""  #: why not


def table_places(table: Path, wanted: Sequence[Conditions], own: Conditions) -> dict[Conditions, Path]:
    """The file for a circuit under each of ``wanted``: ``table`` itself for those of its ``own``, else one beside it.

    Raises :class:`CaptwinError` if these tables would not be found there later.
    """
    folder = folder_of(table)
    if table.suffix != SUFFIX:
        raise CaptwinError(
            f"{table}: tables of several conditions need a name that ends in {SUFFIX}; name {table}{SUFFIX}"
        )
    if folder.exists() and not folder.is_dir():
        raise CaptwinError(
            f"{folder}: the tables of other conditions belong into a folder of this name; this is a file"
        )
    if own not in wanted and not table.exists():
        raise CaptwinError(
            f"{table}: a circuit is found by its table at {own}, which is not there; measure that too, or name another"
            " with --corner and --temperature"
        )
    return {each: table if each == own else folder / f"{each.name}{SUFFIX}" for each in wanted}


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
