"""``captwin fidelity``: whole columns of a chip in SPICE against its twin."""

import json
import math
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress as Bar
from rich.progress import TaskID

from captwin.hw.support.files import write_atomically
from captwin.hw.support.generated import blank_mark, check_replaceable, write_generated
from captwin.hw.support.progress import Progress
from captwin.scripts.chip_folders import chip_folder, own_folder
from captwin.scripts.conditions import ChipCircuitOption, CornerOption, TemperatureOption, put_under
from captwin.scripts.noise import (
    ComparatorNoiseOption,
    NoiseSeedOption,
    ReferenceNoiseOption,
    SupplyNoiseOption,
    noise_of,
)
from captwin.scripts.options import PdkOption
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.activity import warn
from captwin.scripts.terminal.output import (
    JsonFlag,
    Row,
    count,
    file,
    note,
    plain,
    progress_bar,
    results_folder,
    share,
    show,
)
from captwin.sim.fidelity.compare import chip_bench, compare
from captwin.sim.fidelity.hidden_state import HiddenState, hidden_state
from captwin.sim.fidelity.result import Fidelity, Summary
from captwin.sim.noise import Noise
from captwin.sim.plots.chips.fidelity import plot_chain, plot_chains, plot_errors
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.spice.memory import default_cache
from captwin.train.zoo import chip_dataset, load_chip

#: images that the gates run to tell their speed
GATES_IMAGES = 10
#: the deck of the worst chain, what it is known by, and what to do where another file is in its place
DECK, DECK_KIND, ADVICE = "worst.cir", "spice deck", "name another folder with --output"


def fidelity(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many test images to run.")] = 20,
    neurons: Annotated[
        int | None, typer.Option(min=1, help="Neurons of each layer, drawn by --seed [default: all].")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Seed that draws the neurons, and the cycles that are simulated once more alone."),
    ] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for all that is written [default: build/CHIP-spice].")
    ] = None,
    netlist: Annotated[
        Path | None,
        typer.Option(help="The chip's own neuron, if it is no reference circuit, or a folder with its CIRCUIT.cir."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(help="File with your devices, the subcircuits nch and pch [default: our 180 nm cards]."),
    ] = None,
    pdk: PdkOption = None,
    corner: CornerOption = None,
    temperature: TemperatureOption = None,
    circuit: ChipCircuitOption = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Disturb both models by the same noise: kT/C, and what else is stated.")
    ] = False,
    noise_seed: NoiseSeedOption = None,
    comparator_noise: ComparatorNoiseOption = None,
    reference_noise: ReferenceNoiseOption = None,
    supply_noise: SupplyNoiseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate whole columns in ngspice and compare membranes and spikes with the twin; a stopped run goes on."""
    drawn, _ = noise_of(noise, noise_seed, None, comparator_noise, reference_noise, supply_noise)
    loaded, doubts = put_under(load_chip(chip), corner, temperature, circuit)
    warn(doubts)
    dataset = chip_dataset(loaded, data)
    pixels, _ = dataset.some(images)
    folder = results_folder(output or chip_folder(chip, "spice"))
    check_replaceable(folder / DECK, DECK_KIND, ADVICE)
    with own_folder(folder, chip):
        with progress_bar() as bar:
            progress = _told(bar)
            on, cache = chip_bench(loaded, netlist=netlist, models=models, pdk=pdk), default_cache()
            spice = partial(compare, on=on, cache=cache, progress=progress)
            result = spice(loaded, pixels, neurons=neurons, seed=seed, noise=drawn)
            hidden = hidden_state(result.quiet, seed=seed, cache=cache, progress=progress)
        about = [note("chip", "chip", chip), note("data", "data", f"{dataset.name}, test set")]
        rows = [*about, *_rows(result, hidden, drawn)]
        rows += _speeds(result, np.resize(pixels, (GATES_IMAGES, loaded.pixels)), folder / "gates")
        rows += _write(result, rows, folder)
    show(rows, "Columns in SPICE against the twin", as_json)


def _told(bar: Bar) -> Progress:
    """Shows progress on ``bar``, a line for each thing that is being done."""
    tasks: dict[str, TaskID] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    return progress


def _rows(result: Fidelity, hidden: HiddenState, noise: Noise | None) -> list[Row]:
    total, analog = result.summary(), result.chip.analog
    conditions = f"{analog.circuit}, {analog.corner}, {analog.temperature:g} deg C"
    agreement = result.class_agreement
    classes = "not judged: only some neurons were simulated" if agreement is None else f"{100 * agreement:.2f} %"
    return [
        note("circuit", "circuit", conditions),
        _swing(result),
        count("images", "images", result.images),
        count("neurons", "neurons", total.neurons),
        count("chains", "chains", total.chains),
        count("cycles", "cycles", total.cycles),
        count("spice_spikes", "spikes in SPICE", total.spikes),
        share("spike_agreement", "spikes agree", total.agreement),
        _millivolts("membrane_rms_v", "membrane error where they agree, RMS", total.rms),
        _millivolts("membrane_worst_v", "membrane error where they agree, worst", total.worst),
        _millivolts("membrane_rms_inside_v", "the same before any drive that the twin clamps, RMS", total.rms_inside),
        _millivolts("membrane_rms_so_far_v", "membrane error before a wrong spike, RMS", total.rms_so_far),
        _millivolts("membrane_worst_so_far_v", "membrane error before a wrong spike, worst", total.worst_so_far),
        share("faultless_chains", "chains without a wrong spike", total.faultless),
        Row("class_agreement", agreement, "classes agree", classes),
        share("saturated_drives", "drives that the twin clamps", total.saturated),
        share("single_agreement", "each cycle from SPICE's state: spikes agree", total.single_agreement),
        _millivolts("single_rms_v", "each cycle from SPICE's state: error, RMS", total.single_rms),
        count("lone_cycles", "cycles simulated once more alone", hidden.cycles),
        _millivolts("hidden_state_rms_v", "chain minus isolated cycle (state beyond v and b), RMS", hidden.hidden_rms),
        _millivolts("hidden_state_worst_v", "chain minus isolated cycle, worst", hidden.hidden_worst),
        share("hidden_state_agreement", "chain and isolated cycle: spikes agree", hidden.hidden_agreement),
        _millivolts("table_rms_v", "twin minus isolated cycle (table and rounding), RMS", hidden.table_rms),
        share("table_agreement", "twin and isolated cycle: spikes agree", hidden.table_agreement),
        *_noise_rows(result, noise),
        *_energies(total),
        Row("warnings", list(result.warnings), "warning" * bool(result.warnings), "; ".join(result.warnings)),
    ]


def _noise_rows(result: Fidelity, noise: Noise | None) -> list[Row]:
    """What noise does in either model, up to the first cycle of a chain in which one of them spikes otherwise."""
    effect = result.noise_effect()
    if noise is None or effect is None:
        return []
    stated = {"comparator": noise.comparator, "reference": noise.reference, "supply": noise.supply}
    terms = [f"{name} {1e3 * volts:g} mV" for name, volts in stated.items() if volts]
    return [
        note("noise", "noise in both", ", ".join(["kT/C", *terms, f"seed {noise.seed}"])),
        count("noise_cycles", "cycles that spike alike so far, with noise and without", effect.cycles),
        _millivolts("noise_spice_rms_v", "noise moves their membranes, SPICE, RMS", effect.spice_rms),
        _millivolts("noise_twin_rms_v", "noise moves their membranes, twin, RMS", effect.twin_rms),
        _millivolts("noise_difference_rms_v", "one less the other, RMS", effect.difference_rms),
        share("noise_spice_turned", "cycles whose spike noise changes, SPICE", effect.spice_turned),
        share("noise_twin_turned", "cycles whose spike noise changes, twin", effect.twin_turned),
    ]


def _swing(result: Fidelity) -> Row:
    """The swing of the row lines: the chip's, whatever its netlist is meant for."""
    chip, netlist = result.chip.analog.v_read, result.bench.parameters["v_read"]
    text = f"{chip:g} V, the chip's" + ("" if math.isclose(chip, netlist) else f"; its netlist states {netlist:g} V")
    return Row("v_read_v", chip, "row lines swing by", text)


def _speeds(result: Fidelity, pixels: np.ndarray, folder: Path) -> list[Row]:
    """How long an image takes in SPICE, in the golden model, and in gates where Verilator can tell."""
    spice, golden = result.spice_seconds, result.golden_seconds
    rows = [
        Row("spice_s", spice, "an image in SPICE, all columns, one core", f"{spice:.2f} s"),
        Row("golden_s", golden, "an image in the golden model", f"{1e6 * golden:.1f} us, {spice / golden:,.0f} faster"),
    ]
    if missing := missing_tools("verilator"):
        return [*rows, note("gates_s", "an image in gates", f"unknown: verilator needs {', '.join(missing)}")]
    outcome = simulate(result.chip, pixels, folder)
    gates = outcome.interval_seconds or outcome.latency_seconds  # of a single image there is no interval
    if gates is None:
        return [*rows, note("gates_s", "an image in gates", "unknown: the gates gave no answer")]
    text = f"{1e6 * gates:.2f} us, {spice / gates:,.0f} faster"
    return [*rows, Row("gates_s", gates, "an image in gates at 100 MHz", text)]


def _energies(total: Summary) -> list[Row]:
    rows = [Row("neuron_energy_j", total.energy, "energy of a neuron's cycle, SPICE", energy_text(total.energy))]
    if total.twin_energy is not None:
        excess = 100 * (total.twin_energy / total.energy - 1)
        text = f"{energy_text(total.twin_energy)} ({excess:+.2f} %)"
        rows.append(Row("twin_neuron_energy_j", total.twin_energy, "energy of a neuron's cycle, twin", text))
    rows.append(Row("row_energy_j", total.row_energy, "row drivers, a column's cycle", energy_text(total.row_energy)))
    return rows


def _write(result: Fidelity, rows: list[Row], folder: Path) -> list[Row]:
    """Writes all files; a row for each."""
    place, image, neuron = worst = result.worst_chain()
    layer = result.layers[place]
    name = f"worst: layer {layer.layer}, neuron {layer.neurons[neuron]}, image {image}"
    deck = result.column_bench(*worst).deck_to_keep()
    table = [("layer", asdict(result.summary([part]))) for part in result.layers]
    header = ["layer", *table[0][1]]
    lines = [",".join(header)]
    lines += [",".join([str(n), *map(str, entry.values())]) for n, (_, entry) in enumerate(table)]
    write_atomically(folder / "fidelity.csv", "\n".join(lines) + "\n")
    head = f"* {name}. Run: ngspice -b {DECK} (a PDK's devices may need: set ngbehavior=hsa in .spiceinit)"
    write_generated({folder / DECK: f"{head}\n* {blank_mark(DECK_KIND)}\n{deck}"}, advice=ADVICE)
    plot_chains(result, folder / "chains.png")
    plot_errors(result, folder / "errors.png")
    plot_chain(result, worst, folder / "worst.png")
    content = {row.key: row.value for row in rows} | {"layers": [entry for _, entry in table]}
    write_atomically(folder / "fidelity.json", json.dumps(plain(content), indent=1, allow_nan=False) + "\n")
    return [
        file("json", "figures", folder / "fidelity.json"),
        file("csv", "figures, by layer", folder / "fidelity.csv"),
        file("chains_plot", "some chains", folder / "chains.png"),
        file("errors_plot", "errors", folder / "errors.png"),
        file("worst_plot", "worst chain", folder / "worst.png"),
        file("worst_deck", "its deck, for ngspice", folder / DECK),
    ]


def _millivolts(key: str, label: str, volts: float) -> Row:
    return Row(key, volts, label, f"{1e3 * volts:.3f} mV")
