"""``captwin estimate``: how fast and how large a core will be, before any synthesis."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from captwin.boards.board import Board
from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.built import Built, read_built
from captwin.boards.flow.manifest import MANIFEST
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import SizedCore, core_words, size_core
from captwin.boards.sizing.search import FastCore
from captwin.boards.sizing.search import search as find_fastest
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.labels import resource_labels
from captwin.scripts.options import (
    BanksOption,
    BuildOption,
    ChangeEventsOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    RealTimeOption,
    SerialOption,
    build_folder,
    core_options,
)
from captwin.scripts.terminal.output import JsonFlag, Row, count, log, note, show, spread
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
    real_time: RealTimeOption = None,
    change_events: ChangeEventsOption = None,
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
    if search and (pixel_lanes, row_banks, lanes, serial, real_time) != (None,) * 5:
        raise CaptwinError(
            "--search: finds --pixel-lanes, --row-banks and --lanes itself; leave them, --serial and --real-time out"
        )
    asked = partial(
        core_options, pixel_lanes, row_banks, lanes, loadable=loadable, serial=serial, change_events=change_events
    )
    asked = partial(asked, real_time=real_time, chip=loaded)
    if real_time:  # its area is what captwin train estimates
        options = asked(default=target.options(len(loaded.layers)))
        pixels, _ = chip_dataset(loaded, data).some(images)
        show(_real_time_rows(chip, Workload(loaded, pixels), options, target), "Core, estimated", as_json)
        return
    core = size_core(loaded, target, lambda usual: asked(default=usual))
    for name in ("row_banks", "lanes"):
        core.options.each(name, len(loaded.layers))
    dataset = chip_dataset(loaded, data)
    pixels, _ = dataset.some(images or (SEARCH_IMAGES if search else None))
    load = Workload(loaded, pixels)
    about = [note("chip", "chip", chip), note("board", "board", target.title), count("images", "images", len(pixels))]
    if search:
        rows = _search_rows(core.model, load, margin / 100, core.options)
        show([*about, *rows], "Fastest cores that fit, estimated", as_json)
        return
    built = _comparable(chip, core, build)
    with log.status("counting gates"):
        rows = [*_speed_rows(load, core.options, target), *_area_rows(core, built)]
    show([*about, note("options", "core", core_words(core.options)), *rows], "Core, estimated", as_json)


def _real_time_rows(name: str, load: Workload, options: CoreOptions, board: Board) -> list[Row]:
    about = [note("chip", "chip", name), note("board", "board", board.title), count("images", "images", load.images)]
    return [*about, note("options", "core", core_words(options)), *_speed_rows(load, options, board)]


def _speed_rows(load: Workload, options: CoreOptions, board: Board) -> list[Row]:
    cycles, busy = load.cycles(options), load.busy(options)
    events = load.events(change_events=options.change_events)
    slowest = max(busy, key=lambda name: busy[name])
    mean = float(cycles.interval.mean())
    latency_s = [float(pick(cycles.latency)) / board.clock_hz for pick in (np.min, np.median, np.max)]
    banks = layers_of(options).rows_at_once(options, load.chip.sizes)
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


def _comparable(name: str, core: SizedCore, folder: Path | None) -> Built | str:
    """The build of ``core``, or why there is none; ``folder`` is the user's, the usual one without."""
    usual = build_folder(name, core.board.name)
    if not folder and not (usual / MANIFEST).exists():
        return ""
    try:
        built = read_built(folder or usual, core.board, core.chip, name=name)
    except CaptwinError as error:
        if folder:
            raise
        return str(error)
    layers = len(core.chip.layers)
    same = built.manifest.options.listed(layers) == core.options.listed(layers)
    return built if same else f"{built.folder}: has a core of other options"


def _area_rows(core: SizedCore, built: Built | str) -> list[Row]:
    area, limits = asdict(core.area), asdict(core.board.limits)
    used = None if isinstance(built, str) else {name: built.manifest.used.of(name).used for name in limits}
    rows = []
    for label, names in resource_labels(core.board.family).items():
        name = names[0]
        text = f"{area[name]:,} of {limits[name]:,}" + ("" if area[name] <= limits[name] else ": too many")
        if used:
            text += f"; built: {used[name]:,}" + _error(area[name], used[name])
        rows.append(Row(name, area[name], label, text))
        rows += [Row(same, area[same], "", "") for same in names[1:]]
    rows.append(Row("fits", not core.lacking, "", ""))
    rows.append(Row("limits", limits, "", ""))
    rows.append(Row("built", used, "", ""))
    if isinstance(built, Built):
        rows.append(note("", "compared with", str(built.folder)))
    elif built:
        rows.append(note("", "not compared with", built))
    return rows


def _error(estimated: int, real: int) -> str:
    return f", estimate {100 * (estimated - real) / real:+.1f} %" if real else ""


def _search_rows(model: AreaModel, load: Workload, margin: float, like: CoreOptions) -> list[Row]:
    board = model.board

    def measure(options: CoreOptions) -> tuple[float, float]:
        cycles = load.cycles(options)
        return cycles.per_image, float(cycles.latency.mean())

    with log.status("") as status:
        fastest = find_fastest(
            model,
            load,
            measure,
            loadable=like.loadable,
            change_events=like.change_events,
            margin=margin,
            progress=lambda what, done, total: status.update(f"{done} {what}"),
        )
    if not fastest:
        raise CaptwinError(
            f"{board.title}: no core of this chip leaves {100 * margin:g} % of the device free; "
            "choose a smaller chip, a board with more, or a smaller --margin"
        )
    rows = [Row("found", [_as_dict(fast) for fast in fastest], "", "")]
    for place, fast in enumerate(fastest, 1):
        area, labels = fast.core.area, resource_labels(board.family)
        used = "; ".join(f"{getattr(area, names[0]):,} {label}" for label, names in labels.items())
        rows += [
            note("", f"{place}", core_words(fast.core.options)),
            note(
                "",
                f"   at {board.clock_hz / 1e6:g} MHz",
                f"{board.clock_hz / fast.cycles:,.0f} images/s ({fast.cycles:,.1f} cycles), "
                f"{1e6 * fast.latency / board.clock_hz:.2f} us latency on average",
            ),
            note("", "   takes", used),
        ]
    return rows


def _as_dict(fast: FastCore) -> dict[str, Any]:
    options = fast.core.options
    return {
        "serial": options.serial,
        "change_events": options.change_events,
        "pixel_lanes": options.pixel_lanes,
        "row_banks": options.row_banks,
        "lanes": options.lanes,
        "cycles_per_image": fast.cycles,
        "latency_cycles": fast.latency,
        "gates_images_per_s": fast.core.board.clock_hz / fast.cycles,
        **asdict(fast.core.area),
    }
