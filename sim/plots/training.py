"""A picture of a training run: loss, accuracy and spike rates over its epochs."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_curves(history: Sequence[dict[str, float]], title: str) -> Figure:
    """The curves of ``history``, one row an epoch: ``epoch``, ``loss``, ``train_accuracy``, ``validation_accuracy`` and
    a ``spike_rate_N`` for each layer, accuracies and rates as shares of 1."""
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(10, 3.4), layout="constrained")
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
    return figure
