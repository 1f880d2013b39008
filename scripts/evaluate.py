"""``captwin evaluate``: a chip's accuracy in exact arithmetic."""

from time import perf_counter
from typing import Annotated

import typer

from scripts.output import JsonFlag, Row, count, note, share, show
from sim import golden
from train.data import load_dataset
from train.zoo import chip_data, load_chip


def evaluate(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the golden model over the whole test set."""
    loaded = load_chip(chip)
    dataset = load_dataset(data or chip_data(loaded))
    start = perf_counter()
    outcome = golden.run(loaded, dataset.test_images)
    seconds = perf_counter() - start
    images = len(outcome.labels)
    rate = images / seconds
    show(
        [
            note("chip", "chip", chip),
            note("data", "data", f"{dataset.name}, test set"),
            count("images", "images", images),
            share("golden_accuracy", "golden accuracy", outcome.accuracy(dataset.test_labels)),
            count("errors", "errors", int((outcome.labels != dataset.test_labels).sum())),
            Row("mean_steps", outcome.steps.mean(), "time steps an image", f"{outcome.steps.mean():.2f}"),
            Row("golden_images_per_s", rate, "golden model", f"{rate:,.0f} images/s"),
        ],
        "Golden model",
        as_json,
    )
