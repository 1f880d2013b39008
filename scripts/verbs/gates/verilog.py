"""``captwin verilog``: a chip as Verilog, and what goes with it into somebody's design."""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.hw.support.names import check_name
from captwin.hw.verilog import WrittenVerilog, write_verilog
from captwin.scripts.options import (
    BanksOption,
    ChangeEventsOption,
    LanesOption,
    PixelLanesOption,
    RealTimeOption,
    SerialOption,
    core_options,
)
from captwin.scripts.terminal.activity import warn
from captwin.scripts.terminal.output import JsonFlag, Row, file, note, show
from captwin.sim.rtl.companions import ENDINGS, RANDOM_IMAGES, RANDOM_NOTE, Companions, random_images
from captwin.sim.rtl.simulate import CLOCK_HZ
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import chip_warnings, load_chip

#: stands for all kinds of companions
ALL = "all"


def verilog(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Verilog file to write.")] = Path("core.v"),
    top: Annotated[
        str | None, typer.Option(help="Name of the top module, with which all others' begin [default: captwin_core].")
    ] = None,
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    serial: SerialOption = None,
    change_events: ChangeEventsOption = None,
    real_time: RealTimeOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Add a stream a layer with all that its neurons do.")] = False,
    loadable: Annotated[bool, typer.Option("--loadable", help="Add a port to load other chips.")] = False,
    axi_stream: Annotated[
        bool,
        typer.Option(
            "--axi-stream", help="Give the core AXI4-Stream ports in place of its own; not with --trace or --loadable."
        ),
    ] = False,
    no_initial: Annotated[
        bool, typer.Option("--no-initial", help="No values of registers before reset, for FPGAs that have none.")
    ] = False,
    companions: Annotated[
        str,
        typer.Option("--with", help=f"What to write beside it, with commas between: {', '.join(ENDINGS)}, or {ALL}."),
    ] = "",
    images: Annotated[int, typer.Option(min=1, max=1000, help="Images in the testbench.")] = RANDOM_IMAGES,
    data: Annotated[
        str | None, typer.Option(help="Data set whose first test images these are [default: random pixels].")
    ] = None,
    clock: Annotated[float, typer.Option(min=1, max=1_000, help="Clock of the constraints in MHz.")] = CLOCK_HZ / 1e6,
    force: Annotated[bool, typer.Option("--force", help="Replace files that captwin did not write.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a chip as one Verilog file, and a JSON sidecar that describes its ports."""
    file_target(output)
    kinds = _kinds(companions)
    if kinds:
        check_name(output.name, "--output")  # stands in the files beside it
    if axi_stream:
        _check_axi_stream(trace, loadable)
    loaded = load_chip(chip)
    asked = partial(core_options, pixel_lanes, row_banks, lanes, trace=trace, loadable=loadable, serial=serial)
    options = asked(change_events=change_events, real_time=real_time, chip=loaded)
    warn(chip_warnings(loaded))
    pixels, pixels_note = _images(loaded, images, data)
    written = write_verilog(
        Core(loaded, options),
        output,
        axi_stream=axi_stream,
        top=top,
        initial=not no_initial,
        companions=Companions(loaded, kinds, pixels, pixels_note, clock * 1e6),
        force=force,
    )
    show(_rows(loaded, written), written.ports.top, as_json)


def _images(chip: Chip, count: int, data: str | None) -> tuple[np.ndarray, str]:
    """(count, pixels) uint8 for the testbench, and what to tell of them: of the data set, or random ones."""
    if not data:
        return random_images(chip, count), RANDOM_NOTE
    dataset = load_dataset(data)
    pixels, _ = dataset.some(count)
    return pixels, f"the first of the test set of {dataset.name}"


def _rows(chip: Chip, written: WrittenVerilog) -> list[Row]:
    path = written.verilog
    return [
        file("verilog", "Verilog", path),
        file("sidecar", "ports", written.sidecar),
        *(_companion_row(beside, beside.name.removeprefix(path.stem)) for beside in written.companions),
        note("build_id", "build id", f"{chip.build_id:016x}"),
        note("layers", "layers", "-".join(str(size) for size in chip.sizes)),
    ]


def _check_axi_stream(trace: bool, loadable: bool) -> None:
    if trace:
        raise CaptwinError("--trace: a core with AXI4-Stream ports has none for traces; leave one of the two out")
    if loadable:
        raise CaptwinError("--loadable: a core with AXI4-Stream ports has none to load chips; leave one of the two out")


def _companion_row(path: Path, ending: str) -> Row:
    kind = next(kind for kind, endings in ENDINGS.items() if ending in endings)
    return file(ending.strip("_."), kind, path)


def _kinds(companions: str) -> set[str]:
    """The kinds of files that ``--with`` names."""
    words = {word.strip() for word in companions.split(",")} - {""}
    if unknown := sorted(words - {*ENDINGS, ALL}):
        raise CaptwinError(f"--with: there are {', '.join(ENDINGS)} and {ALL}, no {unknown[0]!r}")
    return set(ENDINGS) if ALL in words else words
