"""Pictures of SPICE against the twin: membranes of some chains, errors, and the worst chain."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.sim.fidelity.result import Fidelity, LayerFidelity
from captwin.sim.plots.style import save_png

_SPICE, _TWIN, _WRONG = "0.25", "tab:orange", "tab:red"


def plot_chains(result: Fidelity, path: Path, *, across: int = 3) -> None:
    """Membranes of ``across`` chains of each layer, from the first images, those that spike often first, as PNG."""
    figure = Figure(figsize=(4 * across, 2.6 * len(result.layers) + 0.6), layout="constrained")
    axes = figure.subplots(len(result.layers), across, squeeze=False, sharex=True, sharey="row")
    for row, layer in zip(axes, result.layers, strict=True):
        images, steps, _ = layer.v.shape
        taken: set[int] = set()
        for place, axis in enumerate(row):
            image = place * images // across
            # Neither silent nor always firing; another neuron in each picture where there are enough.
            activity = layer.spikes[image].sum(axis=0)
            order = np.argsort(np.abs(activity - steps / 2.5), kind="stable").tolist()
            neuron = next((n for n in order if n not in taken), order[0])
            taken.add(neuron)
            _chain(axis, result, layer, image, neuron)
            axis.set_title(f"layer {layer.layer}, neuron {layer.neurons[neuron]}, image {image}", fontsize=10)
        row[0].set_ylabel("membrane [V]")
    for axis in axes[-1]:
        axis.set_xlabel("cycle")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    save_png(figure, path)


def plot_errors(result: Fidelity, path: Path) -> None:
    """How the membrane's error is distributed up to a chain's first wrong spike, and how it grows, as PNG."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    spread, growth = figure.subplots(1, 2)
    errors = [1e3 * layer.error[layer.so_far] for layer in result.layers]
    reach = max(0.1, *(float(np.abs(error).max(initial=0)) for error in errors))
    bins = np.linspace(-reach, reach, 81)
    for layer, error in zip(result.layers, errors, strict=True):
        rms = float(np.sqrt(np.square(error).mean())) if error.size else 0.0
        label = f"layer {layer.layer}: {rms:.2f} mV RMS"
        counts, _ = np.histogram(error, bins)
        # Dots: on a logarithmic axis bars have no zero to stand on.
        spread.plot(((bins[:-1] + bins[1:]) / 2)[counts > 0], counts[counts > 0], ".", label=label)
        squares = np.where(layer.so_far, layer.error, np.nan) ** 2
        steps = np.arange(1, squares.shape[1] + 1)
        judged = (~np.isnan(squares)).any(axis=(0, 2))
        rms_by_step = 1e3 * np.sqrt(np.nanmean(squares[:, judged], axis=(0, 2)))
        growth.plot(steps[judged], rms_by_step, "o-", markersize=4, label=label)
    spread.set(
        xlabel="twin less SPICE [mV]", ylabel="cycles", yscale="log", title="membrane error before any wrong spike"
    )
    growth.set(xlabel="cycle", ylabel="RMS error [mV]", title="with time", ylim=(0, None))
    spread.legend(frameon=False, loc="upper left")
    spread.set_ylim(top=spread.get_ylim()[1] * 6)  # room for the legend
    growth.xaxis.set_major_locator(MaxNLocator(integer=True))
    save_png(figure, path)


def plot_chain(result: Fidelity, chain: tuple[int, int, int], path: Path) -> None:
    """One chain, numbered as :meth:`Fidelity.worst_chain` does: membranes, and their difference below, as PNG."""
    place, image, neuron = chain
    layer = result.layers[place]
    figure = Figure(figsize=(8, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1])
    _chain(above, result, layer, image, neuron)
    above.set(ylabel="membrane [V]", title=f"layer {layer.layer}, neuron {layer.neurons[neuron]}, image {image}")
    above.legend(frameon=False, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.08))
    steps = np.arange(1, layer.v.shape[1] + 1)
    error = 1e3 * layer.error[image, :, neuron]
    agree = layer.agree[image, :, neuron]
    below.axhline(0, color="0.7", linewidth=1)
    below.bar(steps, error, width=0.5, color=[_TWIN if same else _WRONG for same in agree])
    below.set(xlabel="cycle", ylabel="twin less SPICE [mV]")
    save_png(figure, path)


def _chain(axis: Axes, result: Fidelity, layer: LayerFidelity, image: int, neuron: int) -> None:
    rest = result.bench.parameters["v_ref"]
    spice, twin = (np.append(rest, values[image, :, neuron]) for values in (layer.v, layer.twin_v))
    steps = np.arange(len(spice))
    axis.plot(steps, spice, "-", color=_SPICE, linewidth=1.6, label="SPICE")
    axis.plot(steps, twin, "--", color=_TWIN, linewidth=1.6, label="twin")
    fired, foretold = layer.spikes[image, :, neuron], layer.twin_spikes[image, :, neuron]
    for flags, values, style, colour, size in (
        (fired, spice, "o", _SPICE, 9),
        (foretold, twin, "o", _TWIN, 5),
        (fired != foretold, spice, "x", _WRONG, 11),
    ):
        at = np.flatnonzero(flags) + 1
        name = {9: "spike in SPICE", 5: "in the twin", 11: "they differ"}[size]
        hollow = "none" if style == "o" and size == 9 else colour
        axis.plot(at, values[at], style, color=colour, markersize=size, markerfacecolor=hollow, label=name)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
