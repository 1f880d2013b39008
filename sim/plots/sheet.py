"""A sheet of small images."""

import numpy as np
from matplotlib.figure import Figure

#: images side by side
ACROSS = 8


def draw_sheet(images: np.ndarray, shape: tuple[int, int], captions: list[str], title: str) -> Figure:
    """``images``, (count, pixels) uint8 of ``shape`` (height, width), each under its caption; black is 255."""
    rows = max(1, -(-len(images) // ACROSS))
    across = min(ACROSS, max(len(images), 4))
    figure = Figure(figsize=(1.5 * across, 1.85 * rows + 0.5), layout="constrained")
    figure.suptitle(title, parse_math=False)
    axes = figure.subplots(rows, across, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, pixels, caption in zip(axes, images, captions, strict=False):
        axis.set_axis_on()
        axis.imshow(pixels.reshape(shape), cmap="gray_r", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
        axis.set_title(caption, fontsize=8, fontweight="normal", parse_math=False)
        axis.spines[:].set_visible(True)
        axis.spines[:].set_color("0.7")
    return figure
