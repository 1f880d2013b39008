"""``captwin simulate``: a chip's Verilog in a simulator, compared with the golden model number by number."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from captwin.scripts.chip_folders import check_owner, chip_folder, mark_owner
from captwin.scripts.given import SidecarOption, VerilogOption, given_verilog, untraced
from captwin.scripts.options import (
    BanksOption,
    ChangeEventsOption,
    LanesOption,
    PixelLanesOption,
    RealTimeOption,
    SerialOption,
    core_options,
)
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, log, note, share, show
from captwin.sim.rtl.simulate import Simulation
from captwin.sim.rtl.simulate import simulate as run
from captwin.sim.rtl.simulators import Simulator
from captwin.sim.rtl.testbench.job import Stalls
from captwin.train.zoo import chip_dataset, load_chip


def simulate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    images: Annotated[int, typer.Option(min=1, help="How many test images to run.")] = 20,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    simulator: Annotated[Simulator, typer.Option(help="Which simulator.")] = "verilator",
    stall: Annotated[float, typer.Option(help="Chance of a pause, each cycle and stream (0 to below 1).")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides when the pauses come.")] = 0,
    waves: Annotated[bool, typer.Option("--waves", help="Keep a waveform (VCD or FST).")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Working folder [default: build/CHIP-SIMULATOR].")
    ] = None,
    verilog: VerilogOption = None,
    sidecar: SidecarOption = None,
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    serial: SerialOption = None,
    change_events: ChangeEventsOption = None,
    real_time: RealTimeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate a chip's Verilog; every sum, drive, membrane and spike must equal the golden model's."""
    loaded = load_chip(chip)
    dataset = chip_dataset(loaded, data)
    pixels, labels = dataset.some(images, first=first)
    folder = output or chip_folder(chip, simulator)
    check_owner(folder, chip)
    asked = partial(core_options, pixel_lanes, row_banks, lanes, trace=True, serial=serial)
    options = asked(change_events=change_events, real_time=real_time, chip=loaded)
    given = given_verilog(verilog, sidecar, loaded, options)
    with log.status(Text(f"{simulator}: building and running in {folder}")):
        outcome = run(
            loaded,
            pixels,
            folder,
            simulator=simulator,
            options=options,
            design=given,
            stalls=Stalls(stall, seed),
            waves=waves,
        )
    mark_owner(folder, chip)
    if verilog:  # the copy that was simulated goes with the next build
        outcome = replace(outcome, verilog=verilog[0])
    show([note("chip", "chip", chip), *simulation_rows(outcome, labels)], "Gates against golden model", as_json)
    if outcome.first_divergence:
        log.print(f"captwin: first divergence: {outcome.first_divergence}")
        if not waves:
            log.print("captwin: run again with --waves for a waveform")
        raise typer.Exit(1)


def simulation_rows(outcome: Simulation, labels: np.ndarray) -> list[Row]:
    """What a simulation of images of class ``labels`` has to tell."""
    first = str(outcome.first_divergence) if outcome.first_divergence else None
    accuracy = float((outcome.labels == labels[: len(outcome.labels)]).sum() / outcome.images)
    return [
        note("simulator", "simulator", outcome.simulator),
        count("images", "images", outcome.images),
        share("rtl_accuracy", "RTL accuracy", accuracy),
        count("spikes_compared", "spikes compared", outcome.compared["spikes"]),
        count("membranes_compared", "membranes compared", outcome.compared["membranes"]),
        *untraced(outcome.compared),
        count("mismatches", "mismatches", outcome.mismatches),
        Row("first_divergence", first, "first divergence" * bool(first), first or ""),
        *_cycles("latency", "first pixel to result", outcome.mean_latency, outcome.latency_seconds),
        *_cycles("interval", "result to result", outcome.interval_cycles, outcome.interval_seconds),
        Row("counters", outcome.counters, "", ""),
        file("verilog", "Verilog", outcome.verilog),
        file("waveform", "waveform", outcome.waveform),
    ]


def _cycles(key: str, label: str, cycles: float | None, seconds: float | None) -> list[Row]:
    """Rows for a mean of cycles and its time; nothing for people where there is none."""
    text = "" if cycles is None or seconds is None else f"{cycles:,.0f} cycles, {seconds * 1e6:.2f} us at 100 MHz"
    return [Row(f"{key}_cycles", cycles, label * bool(text), text), Row(f"{key}_s", seconds, "", "")]
