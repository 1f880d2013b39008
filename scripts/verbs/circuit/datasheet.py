"""``captwin datasheet``: all about a circuit on one page."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target, read_bytes, write_atomically
from captwin.scripts.datasheet.page import MAKER, page
from captwin.scripts.datasheet.sheet import Sheet, checked, open_sheet
from captwin.scripts.options import PdkOption
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, log, note, progress_told, show
from captwin.scripts.terminal.verdict import held_out_rows, verdict_rows


def datasheet(
    circuit: Annotated[
        str, typer.Argument(help="A reference circuit, or a neuron table; then --netlist names its own.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page [default: CIRCUIT.html, where you are].")
    ] = None,
    netlist: Annotated[Path | None, typer.Option(help="The netlist of a table of yours.")] = None,
    models: Annotated[Path | None, typer.Option(help="File with its devices, as for characterize.")] = None,
    pdk: PdkOption = None,
    mismatch: Annotated[
        Path | None, typer.Option(help="What captwin mismatch wrote of it [default: ours, if there is one].")
    ] = None,
    points: Annotated[
        int,
        typer.Option(
            "--held-out", min=0, max=100_000, help="Fresh cycles that its table is held against, with ngspice."
        ),
    ] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Write a page about a circuit: devices, transients, surfaces, corners, energy, noise, limits; one file of HTML."""
    sheet = open_sheet(circuit, netlist, models, pdk, mismatch)
    target = output or Path(f"{sheet.table.circuit}.html")
    _keep_others(target, sheet.table.circuit)
    with progress_told() as progress:
        sheet = checked(sheet, points, progress=progress)
    with log.status("transients and pictures"):
        text = page(sheet)
    write_atomically(target, text)
    show(_rows(sheet, target), f"Datasheet of {sheet.table.circuit}", as_json)


def _rows(sheet: Sheet, target: Path) -> list[Row]:
    netlist = sheet.netlist
    missing = "its netlist is not known; name it with --netlist" if netlist is None else netlist.bench
    rows = [
        note("circuit", "circuit", sheet.table.circuit),
        count("conditions", "conditions", len(sheet.places)),
        Row("transistors", netlist and netlist.transistors, "", ""),
        *(row for row in verdict_rows(sheet.verdict) if row.key in ("verdict", "threshold_v")),
        *(held_out_rows(sheet.check) if sheet.check else []),
    ]
    if netlist:
        rows.append(note("devices", "devices", f"{netlist.transistors} transistors, {netlist.devices_text}"))
    if isinstance(missing, str):
        rows.append(note("no_transients", "no transients", missing))
    return [*rows, file("page", "page", target)]


def _keep_others(path: Path, circuit: str) -> None:
    """Raises :class:`CaptwinError` if no file can stand at ``path``, or if something else stands there than an earlier
    datasheet of ``circuit``."""
    target = file_target(path)
    mark = f'<meta name="generator" content="{MAKER} {circuit}">'
    if target.is_file() and mark.encode() not in read_bytes(target, "datasheet"):
        raise CaptwinError(f"{path}: not replaced: this is no datasheet of {circuit}; name another with --output")
