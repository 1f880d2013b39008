"""``captwin evaluate``: a chip's accuracy in exact arithmetic, and the energy of its inferences."""

from typing import Annotated

import typer

from captwin.hw.chip import Chip
from captwin.scripts.conditions import ChipCircuitOption, CornerOption, TemperatureOption, put_under
from captwin.scripts.labels import PART_LABELS, energy_assumptions
from captwin.scripts.noise import (
    ComparatorNoiseOption,
    NoiseOption,
    NoiseRunsOption,
    NoiseSeedOption,
    ReferenceNoiseOption,
    SupplyNoiseOption,
    noise_of,
    noise_rows,
)
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.activity import activity_rows, warn
from captwin.scripts.terminal.output import JsonFlag, Row, count, note, share, show
from captwin.sim import energy
from captwin.sim.evaluate import Evaluation
from captwin.sim.evaluate import evaluate as run
from captwin.train.datasets.dataset import Dataset
from captwin.train.zoo import chip_dataset, load_chip, trained_on


def evaluate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    corner: CornerOption = None,
    temperature: TemperatureOption = None,
    circuit: ChipCircuitOption = None,
    with_noise: NoiseOption = False,
    comparator_noise: ComparatorNoiseOption = None,
    reference_noise: ReferenceNoiseOption = None,
    supply_noise: SupplyNoiseOption = None,
    noise_seed: NoiseSeedOption = None,
    noise_runs: NoiseRunsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the golden model over the whole test set, and add up the energy that the analog chip would draw."""
    noise, runs = noise_of(with_noise, noise_seed, noise_runs, comparator_noise, reference_noise, supply_noise)
    loaded, doubts = put_under(load_chip(chip), corner, temperature, circuit)
    dataset = chip_dataset(loaded, data)
    result = run(loaded, dataset.test_images, dataset.test_labels, noise=noise, noise_runs=runs)
    steps, rate = result.outcome.steps.mean(), result.images_per_s
    show(
        [
            note("chip", "chip", chip),
            note("data", "data", f"{dataset.name}, test set"),
            _training_data(loaded, dataset),
            *_circuit_rows(loaded),
            count("images", "images", result.images),
            share("golden_accuracy", "golden accuracy", result.accuracy),
            count("errors", "errors", result.errors),
            *noise_rows(result.noisy),
            Row("mean_steps", steps, "time steps an image", f"{steps:.2f}"),
            Row("golden_images_per_s", rate, "golden model", f"{rate:,.0f} images/s"),
            *activity_rows(result.activity),
            *_energy_rows(result, loaded),
        ],
        "Golden model",
        as_json,
    )
    warn([*doubts, *result.activity.warnings()])


def _circuit_rows(chip: Chip) -> list[Row]:
    """What the chip's neurons are, and under what conditions."""
    analog = chip.analog
    return [
        note("circuit", "circuit", analog.circuit),
        Row("corner", analog.corner, "conditions", f"{analog.corner}, {analog.temperature:g} deg C"),
        Row("temperature_c", analog.temperature, "", ""),
    ]


def _training_data(chip: Chip, dataset: Dataset) -> Row:
    """Whether the data is what the chip was trained on; people hear of it only if not."""
    same = trained_on(chip, dataset)
    text = "unknown" if same is None else "other images or labels than these"
    return Row("trained_on_this_data", same, "trained on" * (not same), text)


#: J an MNIST inference of the chip that this is a twin of: Oshio et al., IEEE COOL Chips 2022, from HSPICE
PAPER_ENERGY = 33.88e-9
PAPER = "Oshio et al. 2022 on MNIST, simulated, encoder excluded, another circuit"


def _energy_rows(result: Evaluation, chip: Chip) -> list[Row]:
    """What an inference costs; one row that says why not if the chip does not tell."""
    report = result.energy
    if report is None:
        return [Row("energy_j", None, "energy", f"unknown: {result.energy_unknown}")]
    total, parts, layers = report.total, report.mean.sum(axis=0), report.mean.sum(axis=1)
    mean, least, most = total.mean(), total.min(), total.max()
    named = dict(zip(energy.PARTS, parts.tolist(), strict=True))
    event = report.per_synaptic_event
    return [
        Row(
            "energy_j",
            mean,
            "energy an inference",
            f"{energy_text(mean)} (from {energy_text(least)} to {energy_text(most)})",
        ),
        Row("energy_min_j", least, "", ""),
        Row("energy_max_j", most, "", ""),
        Row("energy_parts_j", named, "", ""),
        *(
            Row("", None, f"  {PART_LABELS[part]}", f"{energy_text(value)}, {100 * value / mean:.1f} %")
            for part, value in named.items()
        ),
        Row("energy_layers_j", layers.tolist(), "", ""),
        *(
            Row("", None, f"  layer {n}", f"{energy_text(value)}, {100 * value / mean:.1f} %")
            for n, value in enumerate(layers)
        ),
        Row("energy_synaptic_event_j", event, "all of it over synaptic events", energy_text(event)),
        Row("paper_energy_j", PAPER_ENERGY, "beside it", f"{energy_text(PAPER_ENERGY)}: {PAPER}"),
        note("energy_assumptions", "energy assumes", energy_assumptions(chip.analog)),
    ]
