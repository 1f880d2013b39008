"""``captwin simulate``: a chip's Verilog in a simulator, compared with the golden model number by number."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from scripts.hardware import BanksOption, LanesOption, PixelLanesOption, SerialOption, core_options
from scripts.output import JsonFlag, Row, count, file, log, note, share, show
from sim.rtl.runner import Simulation
from sim.rtl.runner import simulate as run
from sim.rtl.simulators import Simulator
from train.data import load_dataset
from train.zoo import chip_data, load_chip


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
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    serial: SerialOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate a chip's Verilog; every sum, drive, membrane and spike must equal the golden model's."""
    loaded = load_chip(chip)
    dataset = load_dataset(data or chip_data(loaded))
    pixels, labels = dataset.some(images, first=first)
    folder = output or Path("build") / f"{Path(chip).stem}-{simulator}"
    options = core_options(pixel_lanes, row_banks, lanes, trace=True, serial=serial)
    with log.status(Text(f"{simulator}: building and running in {folder}")):
        outcome = run(loaded, pixels, folder, simulator=simulator, options=options, stall=stall, seed=seed, waves=waves)
    show([note("chip", "chip", chip), *simulation_rows(outcome, labels)], "Gates against golden model", as_json)
    if outcome.first_divergence:
        log.print(f"captwin: first divergence: {outcome.first_divergence}")
        if not waves:
            log.print("captwin: run again with --waves for a waveform")
        raise typer.Exit(1)


def simulation_rows(outcome: Simulation, labels: np.ndarray) -> list[Row]:
    """What a simulation of images of class ``labels`` has to tell."""
    accuracy = float((outcome.labels == labels[: len(outcome.labels)]).mean())
    latency, interval = outcome.latency_cycles.mean(), outcome.interval_cycles
    return [
        note("simulator", "simulator", outcome.simulator),
        count("images", "images", outcome.images),
        share("rtl_accuracy", "RTL accuracy", accuracy),
        count("spikes_compared", "spikes compared", outcome.compared["spikes"]),
        count("membranes_compared", "membranes compared", outcome.compared["membranes"]),
        count("mismatches", "mismatches", outcome.mismatches),
        note("first_divergence", "first divergence" * bool(outcome.first_divergence), str(outcome.first_divergence)),
        Row(
            "latency_cycles",
            latency,
            "first pixel to result",
            f"{latency:,.0f} cycles, {outcome.latency_seconds * 1e6:.2f} us at 100 MHz",
        ),
        Row("latency_s", outcome.latency_seconds, "", ""),
        Row(
            "interval_cycles",
            interval,
            "result to result",
            f"{interval:,.0f} cycles, {outcome.interval_seconds * 1e6:.2f} us at 100 MHz",
        ),
        Row("interval_s", outcome.interval_seconds, "", ""),
        Row("counters", outcome.counters, "", ""),
        file("verilog", "Verilog", outcome.verilog),
        file("waveform", "waveform", outcome.waveform),
    ]
