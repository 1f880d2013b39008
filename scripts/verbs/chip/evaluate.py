"""``captwin evaluate``: a chip's accuracy in exact arithmetic, and the energy of its inferences."""

from time import perf_counter
from typing import Annotated

import numpy as np
import typer

from captwin.hw.chip import Chip
from captwin.hw.support.quantities import energy_text
from captwin.scripts.activity import activity_rows, warn
from captwin.scripts.output import JsonFlag, Row, count, note, share, show
from captwin.sim import activity, energy, golden
from captwin.train.datasets.dataset import Dataset
from captwin.train.zoo import chip_dataset, load_chip, trained_on


def evaluate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the golden model over the whole test set, and add up the energy that the analog chip would draw."""
    loaded = load_chip(chip)
    dataset = chip_dataset(loaded, data)
    golden.run(loaded, dataset.test_images[:1])  # compiles
    start = perf_counter()
    outcome = golden.run(loaded, dataset.test_images)
    seconds = perf_counter() - start
    alive = activity.measure(loaded, dataset.test_images)
    images = len(outcome.labels)
    rate = images / seconds
    show(
        [
            note("chip", "chip", chip),
            note("data", "data", f"{dataset.name}, test set"),
            _training_data(loaded, dataset),
            count("images", "images", images),
            share("golden_accuracy", "golden accuracy", outcome.accuracy(dataset.test_labels)),
            count("errors", "errors", int((outcome.labels != dataset.test_labels).sum())),
            Row("mean_steps", outcome.steps.mean(), "time steps an image", f"{outcome.steps.mean():.2f}"),
            Row("golden_images_per_s", rate, "golden model", f"{rate:,.0f} images/s"),
            *activity_rows(alive),
            *energy_rows(loaded, dataset.test_images),
        ],
        "Golden model",
        as_json,
    )
    warn(alive.warnings())


def _training_data(chip: Chip, dataset: Dataset) -> Row:
    """Whether the data is what the chip was trained on; people hear of it only if not."""
    same = trained_on(chip, dataset)
    text = "unknown" if same is None else "other images or labels than these"
    return Row("trained_on_this_data", same, "trained on" * (not same), text)


#: J an MNIST inference of the chip that this is a twin of: Oshio et al., IEEE COOL Chips 2022, from HSPICE
PAPER_ENERGY = 33.88e-9
PAPER = "Oshio et al. 2022 on MNIST, simulated, encoder excluded, another circuit"
ASSUMPTIONS = (
    "columns held while rows swing, buffers of a third of their load, all time steps run; encoder and readout counters"
    " left out (docs/energy.md)"
)
#: what people call the parts of an energy
PART_LABELS = {
    "rows": "row lines",
    "quiet_rows": "quiet row lines",
    "bias_rows": "bias lines",
    "neurons": "neurons",
    "clock": "clock",
}


def energy_rows(chip: Chip, pixels: np.ndarray) -> list[Row]:
    """What an inference of (images, pixels) uint8 costs; one row that says why not if the chip does not tell."""
    try:
        report = energy.measure(chip, pixels)
    except energy.EnergyError as error:
        return [Row("energy_j", None, "energy", f"unknown: {error}")]
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
        note("energy_assumptions", "energy assumes", ASSUMPTIONS),
    ]
