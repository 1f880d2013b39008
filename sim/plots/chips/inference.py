"""A picture of one inference: image, input spikes, hidden spikes, output membranes and counts."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from captwin.hw.chip import Chip
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.plots.style import save_png, style


def plot_inference(chip: Chip, pixels: np.ndarray, path: Path, *, truth: int | None = None) -> None:
    """:func:`draw_inference`, as PNG."""
    with style():
        save_png(draw_inference(chip, pixels, truth=truth), path)


def draw_inference(chip: Chip, pixels: np.ndarray, *, truth: int | None = None) -> Figure:
    """Runs one image, (pixels,) uint8, through the golden model and draws what happens, step by step."""
    outcome = golden.run(chip, pixels[None], trace=True)
    steps = chip.encoder.steps
    inputs = encode(chip.encoder, pixels)
    rasters = [("pixels", inputs)]
    rasters += [(f"layer {n}", trace.spikes[0] > 0) for n, trace in enumerate(outcome.traces)]

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, len(rasters) + 1, height_ratios=[1, 1.1])
    label = int(outcome.labels[0])
    title = f"{'-'.join(str(size) for size in chip.sizes)} chip, {chip.encoder.kind} code: says {label}"
    figure.suptitle(title + (f", is {truth}" if truth is not None else ""), parse_math=False)

    picture = figure.add_subplot(grid[0, 0])
    picture.imshow(pixels.reshape(chip.image), cmap="gray_r", vmin=0, vmax=255)
    picture.set(title="image", xticks=[], yticks=[])
    picture.spines[:].set_visible(True)
    for column, (name, spikes) in enumerate(rasters, 1):
        axis = figure.add_subplot(grid[0, column])
        step, row = np.nonzero(spikes)
        length = min(4.9, max(1.2, 330 / spikes.shape[1]))  # points; shorter where rows lie close together
        axis.scatter(step + 1, row, marker="|", s=length**2, linewidths=1.1, color="tab:blue")
        axis.set(title=f"spikes of {name}", xlabel="time step", ylabel="row" if column == 1 else "neuron")
        axis.set(xlim=(0.5, steps + 0.5), ylim=(spikes.shape[1] - 0.5, -0.5))
        axis.locator_params(axis="y", integer=True)

    last, trace = chip.layers[-1], outcome.traces[-1]
    volts = last.scale.membranes(chip.formats).volts(trace.membranes[0])
    membranes = figure.add_subplot(grid[1, :-1])
    for neuron in range(chip.classes):
        chosen = neuron == label
        membranes.plot(
            range(1, steps + 1),
            volts[:, neuron],
            color="tab:red" if chosen else "0.7",
            linewidth=2 if chosen else 1,
            zorder=3 if chosen else 2,
        )
        fired = np.nonzero(trace.spikes[0, :, neuron])[0]
        membranes.plot(
            fired + 1, volts[fired, neuron], "o", color="tab:red" if chosen else "0.5", markersize=5, zorder=4
        )
    title = f"output neurons, neuron {label} in red (dots: spikes)"
    membranes.set(xlabel="time step", ylabel="membrane [V]", title=title)
    counts = figure.add_subplot(grid[1, -1])
    colours = ["tab:red" if neuron == label else "0.7" for neuron in range(chip.classes)]
    counts.barh(range(chip.classes), outcome.counts[0], color=colours)
    counts.set(yticks=range(chip.classes), xlabel="output spikes", ylabel="class", title="readout")
    counts.invert_yaxis()
    counts.locator_params(axis="x", integer=True)
    return figure
