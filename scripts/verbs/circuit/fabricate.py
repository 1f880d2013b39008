"""``captwin fabricate``: Monte Carlo chips, each with devices and comparators drawn by chance."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import whole_folder, write_atomically
from captwin.scripts.chip_folders import chip_folder, own_folder
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, note, progress_told, share, show
from captwin.sim import golden
from captwin.sim.devices.fabricate import Process
from captwin.sim.devices.fabricate import fabricate as run
from captwin.sim.devices.lot import Lot, fabricate_lot
from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.sim.devices.memcapacitor import Effects, History
from captwin.sim.mismatch.model import Mismatch
from captwin.sim.mismatch.model_file import model_of
from captwin.sim.mismatch.shared import Shared
from captwin.sim.plots.chips.fabrication import plot_yield
from captwin.train.datasets.catalogue import Dataset
from captwin.train.zoo import chip_dataset, chip_name, load_chip

#: names of what a run leaves in its folder
OWN = r"chip_\d{3,}\.safetensors|accuracies\.(csv|png)|\.captwin-chip"


def fabricate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    chips: Annotated[int, typer.Option("--count", min=1, max=10_000, help="How many chips.")] = 20,
    process: Annotated[
        str | None, typer.Option(help="PDK that draws each neuron's threshold, or a file of captwin mismatch.")
    ] = None,
    shared: Annotated[
        str | None, typer.Option(help="PDK that draws what all neurons share, or a file of captwin mismatch --chips.")
    ] = None,
    trim: Annotated[bool, typer.Option("--trim", help="Program each bias anew against its threshold's error.")] = False,
    sigma_c: Annotated[float, typer.Option(help="Spread of C from device to device, over its mean.")] = 0.0,
    sigma_vth: Annotated[float, typer.Option(help="V, spread of the comparators' thresholds at the membrane.")] = 0.0,
    stuck: Annotated[float, typer.Option(help="Share of devices stuck at C_off or C_on.")] = 0.0,
    stuck_on: Annotated[float, typer.Option(help="Share of the stuck ones at C_on.")] = 0.5,
    drift: Annotated[float, typer.Option(help="Share of the way to equilibrium that a decade of time takes.")] = 0.0,
    seconds: Annotated[float, typer.Option(help="Time since programming.")] = 0.0,
    read_disturb: Annotated[float, typer.Option(help="Share of the way to equilibrium that a read takes.")] = 0.0,
    read_cycles: Annotated[float, typer.Option(help="Read events of each row since programming.")] = 0.0,
    write_disturb: Annotated[float, typer.Option(help="Level steps that a half-selected device moves.")] = 0.0,
    write_pulses: Annotated[float, typer.Option(help="Half-selections of each device since it was programmed.")] = 0.0,
    equilibrium: Annotated[float, typer.Option(help="State that drift and reads lead to: 0 C_off, 1 C_on.")] = 0.5,
    c_v1: Annotated[float, typer.Option(help="1/V, slope of C over its voltage.")] = 0.0,
    c_v2: Annotated[float, typer.Option(help="1/V^2, curvature of C over its voltage.")] = 0.0,
    spec: Annotated[float | None, typer.Option(help="Accuracy a good chip has [default: nominal - 0.01].")] = None,
    mapping: Annotated[
        str | None, typer.Option(help=f"Mapping of its weights, {' or '.join(MAPPINGS)}, if its file does not say.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="One seed gives the same chips.")] = 1,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder [default: build/CHIP-fabricated].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fabricate a chip many times over, with spread and defects, and tell how its accuracy spreads."""
    loaded = load_chip(chip)
    drawn = Process(
        Effects(sigma_c, stuck, stuck_on, write_disturb, read_disturb, drift, equilibrium, c_v1, c_v2),
        History(write_pulses, read_cycles, seconds),
        sigma_vth,
        None if process is None else model_of(Mismatch, loaded.analog.circuit, process),
        trim,
        None if shared is None else model_of(Shared, loaded.analog.circuit, shared),
    )
    if spec is not None and not 0 <= spec <= 1:
        raise CaptwinError(f"--spec: an accuracy lies in 0 to 1, got {spec:g}")
    run(loaded, drawn, seed=seed, mapping=mapping)  # so that a mistake shows before the progress bar does
    dataset = chip_dataset(loaded, data)
    folder = output or chip_folder(chip, "fabricated")
    images = len(dataset.test_images)
    title = f"{chip_name(chip)}: {chips} chip{'s' * (chips > 1)}, {drawn}; {images:,} test images"
    with own_folder(folder, chip), whole_folder(folder, OWN) as place:
        lot = _lot(loaded, drawn, dataset, place, chips, seed, mapping)
        least = lot.nominal_accuracy - 0.01 if spec is None else spec
        write_atomically(place / "accuracies.csv", lot.to_csv())
        plot_yield(lot.accuracies, lot.nominal_accuracy, least, images, title, place / "accuracies.png")
    about = [note("chip", "chip", chip), note("data", "data", f"{dataset.name}, test set")]
    counts = [count("images", "images", images), count("chips", "chips", chips)]
    show([*about, *counts, note("process", "process", str(drawn)), *_rows(lot, least, folder)], "Fabricated", as_json)


def _lot(
    chip: Chip, process: Process, dataset: Dataset, folder: Path, chips: int, seed: int, mapping: str | None
) -> Lot:
    """Fabricates the chips in ``folder``, with a progress bar."""

    def accuracy(measured: Chip) -> float:
        return golden.run(measured, dataset.test_images).accuracy(dataset.test_labels)

    with progress_told() as progress:
        return fabricate_lot(
            chip, process, accuracy, folder, count=chips, seed=seed, mapping=mapping, progress=progress
        )


def _rows(lot: Lot, least: float, folder: Path) -> list[Row]:
    accuracies = lot.accuracies
    return [
        count("charge_bits", "bits of a charge code, most", lot.charge_bits),
        share("column_change", "column capacitances, RMS change", lot.column_change),
        share("nominal_accuracy", "accuracy as programmed", lot.nominal_accuracy),
        share("mean_accuracy", "accuracy, mean", accuracies.mean()),
        share("std_accuracy", "accuracy, standard deviation", lot.accuracy_deviation),
        share("min_accuracy", "accuracy, least", accuracies.min()),
        share("max_accuracy", "accuracy, most", accuracies.max()),
        share("spec_accuracy", "accuracy of a good chip", least),
        share("yield", "yield: good chips", lot.yield_at(least)),
        Row("accuracies", accuracies, "", ""),
        file("folder", "chips", folder),
        file("csv", "accuracies", folder / "accuracies.csv"),
        file("plot", "plot", folder / "accuracies.png"),
    ]
