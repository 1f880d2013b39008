"""A picture of how the neurons of a circuit differ."""

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.sim.mismatch.model import NUMBERS, Mismatch

#: histograms side by side, and characters of a title's line
ACROSS, LETTERS = 4, 30


def draw_mismatch(model: Mismatch) -> Figure:
    """A histogram of each number over the sampled neurons, and the normal distribution of their mean and deviation,
    from which :meth:`Mismatch.draw` draws others."""
    down = math.ceil(len(NUMBERS) / ACROSS)
    figure = Figure(figsize=(11, 2.7 * down), layout="constrained")
    axes = figure.subplots(down, ACROSS, squeeze=False)
    for axis, values, (label, unit) in zip(axes.flat, model.numbers.T, NUMBERS.values(), strict=False):
        scale, shown = _scale(values, unit)
        _histogram(axis, scale * values)
        axis.set(title="\n".join(textwrap.wrap(label, LETTERS)), xlabel=f"less a typical neuron's [{shown}]")
    for axis in axes[:, 0]:
        axis.set_ylabel("neurons")
    for axis in axes.flat[len(NUMBERS) :]:
        axis.set_visible(False)
    return figure


def _scale(values: np.ndarray, unit: str) -> tuple[float, str]:
    """By what ``values`` are multiplied, and the unit that they then have, so that numbers on the axis are short."""
    if unit == "V":
        return 1e3, "mV"
    return (100, "%") if np.abs(values).max() >= 1e-3 else (1e6, "ppm")


def _histogram(axis: Axes, values: np.ndarray) -> None:
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    bins = max(6, round(1.5 * math.sqrt(len(values))))
    counts, edges, _ = axis.hist(values, bins=bins, color="tab:blue", edgecolor="#ffffff", linewidth=0.5)
    assert isinstance(counts, np.ndarray)
    axis.axvline(0, ymax=0.86, color="0.5", linewidth=1, linestyle="--")
    if deviation > 0:
        x = np.linspace(mean - 3.5 * deviation, mean + 3.5 * deviation, 101)
        height = len(values) * (edges[1] - edges[0]) / (deviation * math.sqrt(2 * math.pi))
        axis.plot(x, height * np.exp(-(((x - mean) / deviation) ** 2) / 2), color="tab:orange", linewidth=1.5)
        axis.set_ylim(0, 1.3 * max(height, counts.max()))
    text = f"{mean:+.3g} ± {deviation:.3g}"
    axis.text(0.5, 0.98, text, transform=axis.transAxes, ha="center", va="top", fontsize=9)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5))
