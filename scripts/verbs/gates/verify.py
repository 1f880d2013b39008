"""``captwin verify``: a whole test set through the compiled Verilog, every number compared with the golden model."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.sizing.fit import size_core
from captwin.hw.chip import Chip
from captwin.hw.gates.options import DEFAULT_KIND, CoreOptions, kind_word
from captwin.scripts.given import SidecarOption, VerilogOption, given_verilog, untraced
from captwin.scripts.options import (
    BanksOption,
    ChangeEventsOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    RealTimeOption,
    SerialOption,
    core_options,
)
from captwin.scripts.terminal.output import JsonFlag, Row, count, log, note, progress_told, share, show, spread
from captwin.sim.rtl.design import Design
from captwin.sim.rtl.simulate import CLOCK_HZ
from captwin.sim.rtl.twin import Twin, build, compile_design
from captwin.sim.rtl.verify import Verification
from captwin.sim.rtl.verify import verify as run
from captwin.train.zoo import chip_dataset, load_chip


def verify(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="How many test images [default: all].")] = None,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    board: Annotated[
        str | None, typer.Option(help="Size of the core, and clock, as on this board: " + ", ".join(BOARDS) + ".")
    ] = None,
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    loadable: LoadableOption = None,
    serial: SerialOption = None,
    change_events: ChangeEventsOption = None,
    real_time: RealTimeOption = None,
    rate: Annotated[
        float | None, typer.Option(min=1, max=1e9, help="Images that arrive a second [default: back to back].")
    ] = None,
    verilog: VerilogOption = None,
    sidecar: SidecarOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run all test images through the compiled Verilog; every number must equal the golden model's."""
    loaded = load_chip(chip)
    dataset = chip_dataset(loaded, data)
    pixels, labels = dataset.some(images, first=first)
    target = find_board(board) if board else None
    asked = partial(core_options, pixel_lanes, row_banks, lanes, loadable=loadable, serial=serial)
    asked = partial(asked, change_events=change_events, real_time=real_time, chip=loaded)
    if target and not real_time:  # which has no size to choose
        options = size_core(loaded, target, lambda usual: asked(default=usual)).options
    else:
        options = asked()
    options = replace(options, trace=True)
    given = given_verilog(verilog, sidecar, loaded, options)
    clock_hz = target.clock_hz if target else CLOCK_HZ
    interval = int(clock_hz / rate) if rate else 0
    twin, outcome = run_compiled(loaded, options, pixels, interval, given)
    divergence = outcome.first_divergence
    if divergence:  # by its number in the test set
        divergence = replace(divergence, image=first + divergence.image)
        outcome = replace(outcome, first_divergence=divergence)
    show(
        [
            note("chip", "chip", chip),
            note("data", "data", f"{dataset.name}, test set"),
            Row("arrivals_per_s", rate, "images arrive", f"at {rate:,.0f} a second" if rate else "back to back"),
            *_rows(twin, outcome, labels, clock_hz),
        ],
        "Compiled gates against golden model",
        as_json,
    )
    if divergence:
        log.print(f"captwin: first divergence: {divergence}")
        log.print(
            f"captwin: for a waveform: captwin simulate {chip} {_again(twin, data, divergence.image, verilog, sidecar)}"
        )
        raise typer.Exit(1)


def run_compiled(
    chip: Chip, options: CoreOptions, pixels: np.ndarray, interval: int = 0, given: Design | None = None
) -> tuple[Twin, Verification]:
    """Compiles the gates, or those ``given``, and runs ``pixels`` through them, one every ``interval`` cycles, telling
    how far it is."""
    with log.status(Text("writing and compiling the Verilog")):
        twin = compile_design(given) if given else build(chip, options)
    with progress_told() as progress:
        return twin, run(twin, chip, pixels, progress, interval=interval)


def _rows(twin: Twin, outcome: Verification, labels: np.ndarray, clock_hz: float) -> list[Row]:
    numbers = sum(outcome.compared.values())
    first = str(outcome.first_divergence) if outcome.first_divergence else None
    images_per_s, cycles_per_s = (total / outcome.run_seconds for total in (outcome.images, outcome.total_cycles))
    built = "from the cache" if twin.cached else "compiled"
    return [
        count("images", "images", outcome.images),
        share("rtl_accuracy", "RTL accuracy", float((outcome.labels == labels).mean())),
        Row("numbers_compared", numbers, "sums, drives, membranes, spikes", f"{numbers:,} compared"),
        Row("compared", outcome.compared, "", ""),
        *untraced(outcome.compared),
        count("mismatches", "mismatches", outcome.mismatches),
        Row("first_divergence", first, "first divergence" * bool(first), first or ""),
        *spread("latency_cycles", "first pixel to result", outcome.latency_cycles),
        *spread("interval_cycles", "result to result", outcome.interval_cycles),
        *(
            Row("", None, f"row events, layer {layer}", f"{rate:.3f} a cycle, {100 * rate / banks:.1f} % of {banks}")
            for layer, (rate, banks) in enumerate(_rates(twin, outcome))
        ),
        Row("events_per_cycle", outcome.events_per_cycle, "", ""),
        *_speed(outcome, clock_hz),
        Row("bank_use", [rate / banks for rate, banks in _rates(twin, outcome)], "", ""),
        count("total_cycles", "clock cycles", outcome.total_cycles),
        Row("counters", outcome.counters, "", ""),
        Row("options", twin.sidecar.options.model_dump(), "", ""),
        Row("build_s", twin.build_seconds, "build", f"{twin.build_seconds:.1f} s, {built}"),
        Row("cached", twin.cached, "", ""),
        Row("run_s", outcome.run_seconds, "run", f"{outcome.run_seconds:.1f} s"),
        Row("images_per_s", images_per_s, "speed", f"{images_per_s:,.0f} images/s, {cycles_per_s:,.0f} cycles/s"),
        Row("cycles_per_s", cycles_per_s, "", ""),
    ]


def _again(twin: Twin, data: str | None, image: int, verilog: list[Path] | None, sidecar: Path | None) -> str:
    """Options with which `captwin simulate` looks at that image in the same gates."""
    hardware = twin.sidecar.options.model_dump()
    words = [*(["--data", data] if data else []), "--first", str(image), "--images", "1", "--waves"]
    for path in verilog or ():
        words += ["--verilog", str(path)]
    words += ["--sidecar", str(sidecar)] if sidecar else []
    kind = twin.sidecar.options.core_options.kind
    words += [f"--{kind_word(kind)}"] * (kind != DEFAULT_KIND)
    words += ["--change-events"] * twin.sidecar.options.change_events
    for name in ("pixel_lanes", "row_banks", "lanes"):
        numbers = hardware[name] if isinstance(hardware[name], list) else [hardware[name]]
        words += [f"--{name.replace('_', '-')}", ",".join(map(str, numbers))]
    return " ".join(words)


def _speed(outcome: Verification, clock_hz: float) -> list[Row]:
    """What the gates do at ``clock_hz``: images a second as they follow each other, and how long one takes."""
    rows = []
    megahertz = f"at {clock_hz / 1e6:g} MHz"
    rate = outcome.images_per_s(clock_hz)
    if rate is not None:
        rows.append(Row("gates_images_per_s", rate, f"throughput {megahertz}", f"{rate:,.0f} images/s"))
    times = list(outcome.latency_s(clock_hz))
    text = ", ".join(f"{name} {1e6 * time:.2f}" for name, time in zip(("min", "median", "max"), times, strict=True))
    return [*rows, Row("gates_latency_s", times, f"latency {megahertz}", f"{text} us")]


def _rates(twin: Twin, outcome: Verification) -> list[tuple[float, int]]:
    """Row events a cycle, and how many there may be, of each layer."""
    return list(zip(outcome.events_per_cycle, twin.sidecar.rows_at_once, strict=True))
