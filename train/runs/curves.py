"""The curves of a training run, as numbers and as a picture."""

import csv
import io
import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.hw.support.files import write_atomically

History = list[dict[str, float]]


def write_numbers(folder: Path, history: History) -> None:
    """Writes ``curves.csv``, and ``metrics.jsonl`` with a JSON object a line; ``history`` has one row an epoch, all
    with the same keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(folder / "curves.csv", text.getvalue())
    lines = (json.dumps(row | {"epoch": int(row["epoch"])}, allow_nan=False) for row in history)
    write_atomically(folder / "metrics.jsonl", "\n".join([*lines, ""]))


def write_picture(folder: Path, history: History, title: str) -> None:
    """Writes ``curves.png``."""
    write_atomically(folder / "curves.png", _picture(history, title))


def _picture(history: History, title: str) -> bytes:
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, parse_math=False)
    loss, accuracy, spikes = figure.subplots(1, 3)
    loss.plot(epochs, [row["loss"] for row in history], color="tab:red")
    loss.set(title="Loss", ylabel="cross-entropy", yscale="log")
    for name, label in (("train_accuracy", "training, float"), ("validation_accuracy", "validation, exact")):
        accuracy.plot(epochs, [100 * row[name] for row in history], label=label)
    accuracy.set(title="Accuracy", ylabel="correct [%]")
    accuracy.legend(loc="lower right")
    for name in history[0]:
        if name.startswith("spike_rate_"):
            label = f"layer {name.removeprefix('spike_rate_')}"
            spikes.plot(epochs, [100 * row[name] for row in history], label=label)
    spikes.set(title="Spike rate", ylabel="spikes a neuron and step [%]", ylim=(0, None))
    spikes.legend()
    for axes in (loss, accuracy, spikes):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    picture = io.BytesIO()
    # Without a software tag the same curves give the same bytes.
    figure.savefig(picture, format="png", dpi=130, metadata={"Software": None})
    return picture.getvalue()
