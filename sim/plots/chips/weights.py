"""Pictures of a chip's weights."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.hw.chip import Chip, Layer
from captwin.sim.devices.gains import charge_volts


def draw_weights(chip: Chip) -> Figure:
    """A row a layer: its charge codes, how much each input weighs, what each neuron's column does with them."""
    layers = chip.layers
    figure = Figure(figsize=(11, 2.9 * len(layers) + 0.4), layout="constrained")
    axes = figure.subplots(len(layers), 3, squeeze=False)
    figure.suptitle(f"{'-'.join(map(str, chip.sizes))} chip: weights")
    half = 1 << (chip.formats.charge_bits - 1)
    for number, (layer, (codes, inputs, gains)) in enumerate(zip(layers, axes, strict=True)):
        values, counts = np.unique(layer.charges, return_counts=True)
        codes.bar(values, 100 * counts / layer.charges.size, width=0.8, color="tab:blue")
        codes.set(title=f"layer {number}: charge codes", xlabel="code", ylabel="synapses [%]", xlim=(-half, half))
        _inputs(inputs, layer, chip.image if number == 0 else None, number)
        microvolts = np.sort(1e6 * charge_volts(layer, chip.formats))
        gains.plot(np.arange(layer.columns), microvolts, ".", color="tab:blue", markersize=4)
        gains.set(title=f"layer {number}: gains, sorted", xlabel="neuron", ylabel="drive of a code [uV]")
        gains.set_ylim(0, 1.15 * microvolts[-1] if microvolts[-1] > 0 else 1)
        gains.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _inputs(axis: Axes, layer: Layer, image: tuple[int, int] | None, number: int) -> None:
    """Mean magnitude of each row's codes; those of the first layer lie as the pixels do."""
    strength = np.abs(layer.charges.astype(np.float64)).mean(axis=1)
    if image is not None and min(image) > 1:
        picture = axis.imshow(strength.reshape(image), cmap="cividis", vmin=0)
        axis.set(title=f"layer {number}: mean |code| by pixel", xticks=[], yticks=[])
        axis.figure.colorbar(picture, ax=axis)
    else:
        axis.plot(np.arange(layer.rows), strength, ".", color="tab:blue", markersize=4)
        axis.set(title=f"layer {number}: mean |code| by row", xlabel="row", ylabel="mean |code|")
        axis.set_ylim(0, None)
