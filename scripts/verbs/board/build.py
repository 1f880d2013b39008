"""``captwin build``: a chip as a board's bitstream."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.build import build as run
from captwin.boards.flow.built import Built
from captwin.boards.sizing.fit import core_words, size_core
from captwin.hw.chip import Chip
from captwin.hw.link.selftest import Expected
from captwin.scripts.chip_folders import own_folder
from captwin.scripts.labels import resource_labels
from captwin.scripts.options import (
    BanksOption,
    ChangeEventsOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    RealTimeOption,
    SerialOption,
    build_folder,
    core_options,
)
from captwin.scripts.terminal.activity import warn
from captwin.scripts.terminal.output import JsonFlag, Row, file, log, note, show
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
    change_events: ChangeEventsOption = None,
    real_time: RealTimeOption = None,
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
    asked = partial(
        core_options,
        pixel_lanes,
        row_banks,
        lanes,
        trace=trace or None,
        loadable=loadable,
        serial=serial,
        change_events=change_events,
        real_time=real_time,
        chip=loaded,
    )
    core = size_core(loaded, target, lambda usual: asked(default=usual))
    core.require_fit()  # before the self-test asks for a data set, which may have to be downloaded
    folder = output or build_folder(chip, board)
    answer = expected_answer(loaded, data, core.replayed)
    warn(chip_warnings(loaded))
    with own_folder(folder, chip), log.status("") as status:

        def tell(what: str, done: int, total: int) -> None:
            status.update(f"{chip} for {target.title}: {what}" + f", {done} of {total} done" * (done > 0))

        hertz = clock * 1e6 if clock else None
        built = run(core, answer, folder, seeds=seeds, clock_hz=hertz, native=native, progress=tell)
    show(
        [note("chip", "chip", chip), note("options", "core", core_words(core.options)), *build_rows(built)],
        f"Bitstream for {target.title}",
        as_json,
    )


def expected_answer(chip: Chip, data: str | None = None, replayed: int = 0) -> Expected:
    """The self-test of ``chip``: the first test image of its data set, or of ``data``, and golden's answer; and the
    first ``replayed`` of these images."""
    images = chip_dataset(chip, data).test_images
    return expect(chip, images[0], images[:replayed])


def build_rows(built: Built) -> list[Row]:
    """What a build has to tell."""
    manifest = built.manifest
    reached_hz = list(manifest.reached_hz_by_seed.values())
    path = str(manifest.critical_path)
    rows = [
        Row("clock_hz", manifest.clock_hz, "clock", f"{manifest.clock_hz / 1e6:g} MHz"),
        Row(
            "reached_hz",
            reached_hz,
            "reached, by seed",
            ", ".join(f"{frequency / 1e6:.1f}" for frequency in reached_hz) + " MHz",
        ),
        Row("seed", manifest.seed, "seed kept", str(manifest.seed)),
    ]
    for label, names in resource_labels(built.board.family).items():
        resource = manifest.used.of(names[0])
        rows.append(Row(names[0], resource.used, label, f"{resource.used:,} of {resource.of:,}"))
        rows += [Row(name, manifest.used.of(name).used, "", "") for name in names[1:]]
    return [
        *rows,
        Row("critical_path", path, "slowest path", path.removeprefix("slowest path ")),
        file("bitstream", "bitstream", built.bitstream),
        file("manifest", "manifest", built.manifest_file),
    ]
