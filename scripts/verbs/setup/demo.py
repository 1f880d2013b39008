"""``captwin demo``: the whole way, from images to gates that agree with the golden model."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.locks import locked_folder
from captwin.hw.support.tools import find_tool, tool_environment
from captwin.hw.verilog import YOSYS
from captwin.scripts.terminal.output import JsonFlag, file, log, note, progress_told, share, show
from captwin.scripts.verbs.gates.simulate import simulation_rows
from captwin.sim import golden
from captwin.sim.plots.chips.inference import plot_inference
from captwin.sim.plots.chips.waveform import plot_core
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import require
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import DATASETS, load_dataset
from captwin.train.loop import train


def demo(
    data: Annotated[
        str, typer.Option(help=f"One of {', '.join(DATASETS)}: digits takes seconds to train on, mnist minutes.")
    ] = "digits",
    images: Annotated[int, typer.Option(min=1, help="Test images to run through the gates.")] = 40,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for all that is written [default: build/demo].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Go the whole way: train on the circuit, map to capacitances, write Verilog, simulate, compare every number."""
    require("verilator")
    _warm_up()
    dataset = load_dataset(data)
    pixels, labels = dataset.some(images)
    # What the demonstration left in its own folder is no loss.
    folder, overwrite = output or Path("build/demo"), output is None
    with locked_folder(folder):
        log.print("1/4  training a network of ideal neurons and unquantised weights, for comparison")
        plain = load_config(data, neuron="ideal", levels=0)
        with progress_told() as progress:
            ideal = train(plain, folder / "ideal", overwrite=overwrite, progress=progress)
        log.print("2/4  training the same network on the circuit, with programmable capacitances")
        with progress_told() as progress:
            aware = train(load_config(data), folder / "aware", overwrite=overwrite, progress=progress)
        if ideal.interrupted or aware.interrupted:
            raise KeyboardInterrupt
        log.print("3/4  running the chip's golden model over the test set")
        chip = aware.chip
        exact = golden.run(chip, dataset.test_images)
        log.print(f"4/4  writing Verilog, compiling it, and running {images} test images through the gates")
        options = CoreOptions()
        gates = simulate(chip, pixels, folder / "gates", options=options, waves=True)
        plot_inference(chip, pixels[0], folder / "inference.png", truth=int(labels[0]))
        if gates.waveform:
            lanes = options.each("lanes", len(chip.layers))
            cycles = int(gates.latency_cycles[0]) + 20
            plot_core(gates.waveform, chip, folder / "waveform.png", lanes=lanes, cycles=cycles)
    exact_same = float((exact.labels[: len(labels)] == labels).mean())
    rows = [
        note("chip_layers", "layers", "-".join(str(size) for size in chip.sizes)),
        share(
            "float_accuracy",
            "float accuracy (ideal neurons, free weights; varies with the machine)",
            ideal.train_accuracy,
        ),
        share("aware_accuracy", "circuit-aware accuracy (training arithmetic)", aware.train_accuracy),
        share("golden_accuracy", "golden accuracy (exact arithmetic)", exact.accuracy(dataset.test_labels)),
        share("golden_accuracy_same", "golden accuracy, the images simulated", exact_same),
        *simulation_rows(gates, labels),
        file("chip", "chip", aware.chip_path),
        file("curves", "training curves", folder / "aware" / "curves.png"),
        file("inference_plot", "one inference", folder / "inference.png"),
        file("waveform_plot", "its waveform", folder / "waveform.png"),
    ]
    show(rows, f"Captwin demo: {data}, {len(dataset.test_images):,} test images", as_json)
    if gates.first_divergence:
        log.print(f"captwin: first divergence: {gates.first_divergence}")
        raise typer.Exit(1)


def _warm_up() -> None:
    """Has Yosys, whose first call compiles itself for up to a minute, do that while the networks train."""
    if tool := find_tool(YOSYS):
        subprocess.Popen([tool, "-V"], env=tool_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
