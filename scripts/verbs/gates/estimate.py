"""``captwin estimate``: how fast and how large a core will be, before any synthesis."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from captwin.boards.board import Board
from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.families.fabric import Limits
from captwin.boards.flow.build import MANIFEST
from captwin.boards.flow.built import Built, read_built
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import core_words, fitting
from captwin.boards.sizing.search import Found
from captwin.boards.sizing.search import search as find_fastest
from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.options import (
    BanksOption,
    BuildOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    SerialOption,
    build_folder,
    core_options,
)
from captwin.scripts.output import JsonFlag, Row, count, log, note, show, spread
from captwin.scripts.resources import resource_labels
from captwin.sim.cycles.workload import Workload
from captwin.train.zoo import chip_dataset, load_chip

#: images on which a search tries each core
SEARCH_IMAGES = 100


def estimate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")],
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    loadable: LoadableOption = None,
    serial: SerialOption = None,
    images: Annotated[
        int | None,
        typer.Option(min=2, help=f"Test images to count cycles with [default: all; {SEARCH_IMAGES} with --search]."),
    ] = None,
    search: Annotated[bool, typer.Option("--search", help="Find the fastest cores that fit instead.")] = False,
    margin: Annotated[
        float,
        typer.Option(min=0, max=90, help="With --search: per cent of LUTs, flip-flops and block RAMs to leave free."),
    ] = 10,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    build: BuildOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Estimate a core's speed and area before any synthesis, or search for the fastest that fits."""
    target = find_board(board)
    loaded = load_chip(chip)
    if search and (pixel_lanes, row_banks, lanes, serial) != (None,) * 4:
        raise CaptwinError("--search: finds --pixel-lanes, --row-banks and --lanes itself; leave them and --serial out")
    said = partial(core_options, pixel_lanes, row_banks, lanes, loadable=loadable, serial=serial)
    options = fitting(loaded, target, lambda default: said(default=default))
    for name in ("row_banks", "lanes"):
        options.each(name, len(loaded.layers))
    dataset = chip_dataset(loaded, data)
    pixels, _ = dataset.some(images or (SEARCH_IMAGES if search else None))
    load = Workload(loaded, pixels)
    about = [note("chip", "chip", chip), note("board", "board", target.title), count("images", "images", len(pixels))]
    if search:
        rows = _search_rows(loaded, target, load, margin / 100, loadable=options.loadable)
        show([*about, *rows], "Fastest cores that fit, estimated", as_json)
        return
    built = _comparable(chip, target, loaded, options, build)
    with log.status("counting gates"):
        area = AreaModel(loaded, target).area(options)
    rows = [*_speed_rows(load, options, target), *_area_rows(area, target, built)]
    show([*about, note("options", "core", core_words(options)), *rows], "Core, estimated", as_json)


def _speed_rows(load: Workload, options: CoreOptions, board: Board) -> list[Row]:
    cycles, busy, events = load.cycles(options), load.busy(options), load.events()
    slowest = max(busy, key=lambda name: busy[name])
    mean = float(cycles.interval.mean())
    latency_s = [float(pick(cycles.latency)) / board.clock_hz for pick in (np.min, np.median, np.max)]
    banks = options.each("row_banks", len(events))
    rates = [number / mean for number in events]
    megahertz = f"at {board.clock_hz / 1e6:g} MHz"
    return [
        *spread("interval_cycles", "result to result", cycles.interval),
        *spread("latency_cycles", "first pixel to result", cycles.latency),
        Row(
            "gates_images_per_s",
            board.clock_hz / mean,
            f"throughput {megahertz}",
            f"{board.clock_hz / mean:,.0f} images/s",
        ),
        Row("gates_image_s", mean / board.clock_hz, f"an image {megahertz}", f"{1e6 * mean / board.clock_hz:.2f} us"),
        Row(
            "gates_latency_s",
            latency_s,
            f"latency {megahertz}",
            ", ".join(
                f"{name} {1e6 * time:.2f}" for name, time in zip(("min", "median", "max"), latency_s, strict=True)
            )
            + " us",
        ),
        Row("events_per_cycle", rates, "", ""),
        *(
            Row("", None, f"row events, layer {layer}", f"{rate:.3f} a cycle, {100 * rate / bank:.1f} % of {bank}")
            for layer, (rate, bank) in enumerate(zip(rates, banks, strict=True))
        ),
        Row("bottleneck", slowest, "bottleneck", f"{slowest}: {busy[slowest]:,.1f} cycles an image by itself"),
        Row(
            "busy_cycles", busy, "each block by itself", ", ".join(f"{name} {need:,.0f}" for name, need in busy.items())
        ),
    ]


def _comparable(name: str, board: Board, chip: Chip, options: CoreOptions, folder: Path | None) -> Built | str:
    """The build of that core, or why there is none; ``folder`` is the user's, in whose place is the usual one."""
    usual = build_folder(name, board.name)
    if not folder and not (usual / MANIFEST).exists():
        return ""
    try:
        built = read_built(folder or usual, board, chip, name=name)
    except CaptwinError as error:
        if folder:
            raise
        return str(error)
    same = built.manifest.options.listed(len(chip.layers)) == options.listed(len(chip.layers))
    return built if same else f"{built.folder}: has a core of other options"


def _area_rows(area: Limits, board: Board, built: Built | str) -> list[Row]:
    used = {} if isinstance(built, str) else {name: one.used for name, one in built.manifest.used.items()}
    rows = []
    for label, names in resource_labels(board.family).items():
        name = names[0]
        estimated, limit = getattr(area, name), getattr(board.limits, name)
        text = f"{estimated:,} of {limit:,}" + ("" if estimated <= limit else ": too many")
        if name in used:
            text += f"; built: {used[name]:,}" + _error(estimated, used[name])
        rows.append(Row(name, estimated, label, text))
        rows += [Row(other, getattr(area, other), "", "") for other in names[1:]]
    limits = asdict(board.limits)
    rows.append(Row("fits", all(getattr(area, name) <= limit for name, limit in limits.items()), "", ""))
    rows.append(Row("limits", limits, "", ""))
    rows.append(Row("built", used or None, "", ""))
    if isinstance(built, Built):
        rows.append(note("", "compared with", str(built.folder)))
    elif built:
        rows.append(note("", "not compared with", built))
    return rows


def _error(estimated: int, real: int) -> str:
    return f", estimate {100 * (estimated - real) / real:+.1f} %" if real else ""


def _search_rows(chip: Chip, board: Board, load: Workload, margin: float, *, loadable: bool) -> list[Row]:
    def measure(options: CoreOptions) -> tuple[float, float]:
        cycles = load.cycles(options)
        return cycles.per_image, float(cycles.latency.mean())

    with log.status("") as status:
        found = find_fastest(
            chip,
            board,
            load,
            measure,
            loadable=loadable,
            margin=margin,
            progress=lambda tried: status.update(f"{tried} cores tried"),
        )
    if not found:
        raise CaptwinError(
            f"{board.title}: no core of this chip leaves {100 * margin:g} % of the device free; "
            "choose a smaller chip, a board with more, or a smaller --margin"
        )
    rows = [Row("found", [_as_dict(one, board) for one in found], "", "")]
    for place, one in enumerate(found, 1):
        labels = resource_labels(board.family)
        used = "; ".join(f"{getattr(one.area, names[0]):,} {label}" for label, names in labels.items())
        rows += [
            note("", f"{place}", core_words(one.options)),
            note(
                "",
                f"   at {board.clock_hz / 1e6:g} MHz",
                f"{board.clock_hz / one.cycles:,.0f} images/s ({one.cycles:,.1f} cycles), "
                f"{1e6 * one.latency / board.clock_hz:.2f} us latency on average",
            ),
            note("", "   takes", used),
        ]
    return rows


def _as_dict(found: Found, board: Board) -> dict[str, Any]:
    options = found.options
    return {
        "serial": options.serial,
        "pixel_lanes": options.pixel_lanes,
        "row_banks": options.row_banks,
        "lanes": options.lanes,
        "cycles_per_image": found.cycles,
        "latency_cycles": found.latency,
        "gates_images_per_s": board.clock_hz / found.cycles,
        **asdict(found.area),
    }
