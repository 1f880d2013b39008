"""``captwin build``: a chip as a board's bitstream."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.build import Build
from captwin.boards.flow.build import build as run
from captwin.boards.sizing.fit import check_fit, core_words, fitting
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.link.selftest import Expected
from captwin.scripts.activity import warn
from captwin.scripts.chip_folders import own_folder
from captwin.scripts.options import (
    BanksOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    SerialOption,
    build_folder,
    core_options,
)
from captwin.scripts.output import JsonFlag, Row, file, log, note, show
from captwin.scripts.resources import resource_labels
from captwin.sim.expected import expect
from captwin.train.zoo import chip_dataset, chip_warnings, load_chip


def build(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")],
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="Placements to try; the fastest is kept.")] = 1,
    clock: Annotated[float | None, typer.Option(min=1, max=1_000, help="Clock in MHz [default: the board's].")] = None,
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    loadable: LoadableOption = None,
    serial: SerialOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Let hosts see all that the layers do.")] = False,
    native: Annotated[bool, typer.Option("--native", help="Use the tools on PATH, not those from PyPI.")] = False,
    data: Annotated[
        str | None, typer.Option(help="Data set of the self-test's image; by default the one the chip was trained on.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the bitstream [default: build/CHIP-BOARD].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Build a chip's bitstream for a board; it must meet its clock."""
    target = find_board(board)
    loaded = load_chip(chip)
    said = partial(core_options, pixel_lanes, row_banks, lanes, trace=trace or None, loadable=loadable, serial=serial)
    options = fitting(loaded, target, lambda default: said(default=default))
    check_fit(loaded, options, target)  # before the self-test asks for a data set, which may have to be downloaded
    core = Core(loaded, options)
    folder = output or build_folder(chip, board)
    answer = expected_answer(loaded, data)
    warn(chip_warnings(loaded))
    with own_folder(folder, chip), log.status("") as status:
        made = run(
            core,
            target,
            answer,
            folder,
            seeds=seeds,
            clock_hz=clock * 1e6 if clock else None,
            native=native,
            progress=lambda said: status.update(f"{chip} for {target.title}: {said}"),
        )
    show(
        [note("chip", "chip", chip), note("options", "core", core_words(options)), *build_rows(made)],
        f"Bitstream for {target.title}",
        as_json,
    )


def expected_answer(chip: Chip, data: str | None = None) -> Expected:
    """The self-test of ``chip``: the first test image of its data set, or of ``data``, and golden's answer."""
    return expect(chip, chip_dataset(chip, data).test_images[0])


def build_rows(made: Build) -> list[Row]:
    """What a build has to tell."""
    reached = [placement.timing.reached_hz for placement in made.placements]
    limits = made.board.limits
    path = str(made.best.timing.critical_path)
    wanted = made.best.timing.wanted_hz
    rows = [
        Row("clock_hz", wanted, "clock", f"{wanted / 1e6:g} MHz"),
        Row(
            "reached_hz",
            reached,
            "reached, by seed",
            ", ".join(f"{frequency / 1e6:.1f}" for frequency in reached) + " MHz",
        ),
        Row("seed", made.best.seed, "seed kept", str(made.best.seed)),
    ]
    for label, names in resource_labels(made.board.family).items():
        used = made.best.used[names[0]]
        rows.append(Row(names[0], used, label, f"{used:,} of {getattr(limits, names[0]):,}"))
        rows += [Row(name, made.best.used[name], "", "") for name in names[1:]]
    return [
        *rows,
        Row("critical_path", path, "slowest path", path.removeprefix("slowest path ")),
        file("bitstream", "bitstream", made.bitstream),
        file("manifest", "manifest", made.manifest),
    ]
