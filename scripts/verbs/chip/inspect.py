"""``captwin inspect``: what is in a chip, a neuron table or a netlist."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import check_name
from captwin.scripts.inspection.chip import inspect_chip
from captwin.scripts.inspection.inspection import Inspection, Kind, kind_of
from captwin.scripts.inspection.netlist import inspect_netlist
from captwin.scripts.inspection.table import compare_tables, inspect_table
from captwin.scripts.options import PdkOption
from captwin.scripts.terminal.output import JsonFlag, file, progress_told, results_folder, show
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.plots.style import save_png, style
from captwin.sim.spice.benches.bench import open_bench


def inspect(
    what: Annotated[str, typer.Argument(help="A chip, neuron table or netlist: a file, or a name of ours.")],
    other: Annotated[str | None, typer.Argument(help="Another table, to lay over the first.")] = None,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", "-o", help="Folder for pictures [default: draw none].")
    ] = None,
    boards: Annotated[bool, typer.Option("--boards", help="Of a chip: say which boards it fits; seconds.")] = False,
    models: Annotated[Path | None, typer.Option(help="Of a netlist: its devices nch and pch.")] = None,
    pdk: PdkOption = None,
    corner: Annotated[str | None, typer.Option(help="Of a netlist: corner of its devices [default: tt].")] = None,
    temperature: Annotated[float | None, typer.Option(help="Of a netlist: deg C [default: 27].")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what is in a chip, a neuron table or a netlist, with pictures; or two tables over each other.

    For example: captwin inspect digits -o pictures; captwin inspect mine.json charge_share -o pictures;
    captwin inspect neuron.cir --models devices.lib -o pictures.
    """
    folder = results_folder(pictures) if pictures else None
    kind = kind_of(what)
    if kind is not Kind.NETLIST and (models, pdk, corner, temperature) != (None,) * 4:
        raise CaptwinError(
            f"{what}: --models, --pdk, --corner and --temperature are for netlists; this is {kind.value}"
        )
    if kind is not Kind.CHIP and boards:
        raise CaptwinError(f"{what}: --boards is for chips; this is {kind.value}")
    if other is not None:
        result = _both(what, kind, other)
    elif kind is Kind.CHIP:
        result = inspect_chip(what, boards=boards)
    elif kind is Kind.TABLE:
        result = inspect_table(what)
    else:
        result = _netlist(Path(what), models, pdk, _conditions(corner, temperature))
    written = _draw(result, folder) if folder else {}
    rows = [*result.rows, *(file(f"{name}_picture", f"picture, {name}", path) for name, path in written.items())]
    show(rows, result.title, as_json)


def _both(first: str, kind: Kind, second: str) -> Inspection:
    kinds = kind, kind_of(second)
    if kinds == (Kind.CHIP, Kind.CHIP):
        raise CaptwinError(f"{first} and {second} are chips; try: captwin compare {first} {second}")
    if kinds != (Kind.TABLE, Kind.TABLE):
        raise CaptwinError(
            f"two neuron tables can be laid over each other; {first} is {kinds[0].value}, {second} {kinds[1].value}"
        )
    return compare_tables(first, second)


def _conditions(corner: str | None, temperature: float | None) -> Conditions:
    return Conditions(corner or TYPICAL.corner, TYPICAL.temperature if temperature is None else temperature)


def _netlist(path: Path, models: Path | None, pdk: str | None, conditions: Conditions) -> Inspection:
    name = check_name(path.stem, "netlist's file name")
    bench = open_bench(name, netlist=path, models=models, pdk=pdk, conditions=conditions)
    with progress_told() as progress:
        return inspect_netlist(bench, progress)


def _draw(result: Inspection, folder: Path) -> dict[str, Path]:
    """Draws the pictures into ``folder``; their files."""
    written = {}
    for name, draw in result.pictures.items():
        written[name] = folder / f"{name}.png"
        with style():
            save_png(draw(), written[name])
    return written
