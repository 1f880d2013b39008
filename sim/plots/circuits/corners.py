"""Pictures of figures over corners and temperatures: a heat map for each, its numbers in its cells."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from captwin.sim.neurons.conditions import Conditions

#: equally well seen by all eyes, and in grey
COLOURS = "cividis"
#: maps side by side
ACROSS = 4
#: rows of a map go from slow to fast devices, as far as the names are the usual ones
ORDER = ("ss", "sf", "tt", "fs", "ff")


@dataclass(frozen=True)
class Panel:
    """A figure under every one of some conditions."""

    title: str  #: with its unit
    values: Sequence[float | None]  #: in the order of the conditions; None where there is none
    text: Callable[[float], str]  #: a value in a cell
    missing: str = "none"  #: in the cell of a figure that does not exist


def draw_corners(conditions: Sequence[Conditions], panels: Sequence[Panel], title: str) -> Figure:
    """A map for each of ``panels``: corners down, temperatures across. The first of ``conditions`` is framed."""
    corners = sorted({each.corner for each in conditions}, key=lambda name: (_rank(name), name))
    heats = sorted({each.temperature for each in conditions})
    cells = [(corners.index(each.corner), heats.index(each.temperature)) for each in conditions]
    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    width, height = max(0.75 * len(heats), 1.7) + 0.9, 0.4 * len(corners) + 1.1
    figure = Figure(figsize=(max(across * width, 4.5), down * height + 0.5), layout="constrained")
    figure.suptitle(title, parse_math=False)
    axes = figure.subplots(down, across, squeeze=False)
    for place, panel in zip(axes.flat, panels, strict=False):
        _draw(place, panel, cells, (len(corners), len(heats)))
        place.set_xticks(range(len(heats)), [f"{heat:g}" for heat in heats])
        place.set_yticks(range(len(corners)), corners)
    for place in axes.flat[max(len(panels) - across, 0) : len(panels)]:  # those with none below
        place.set_xlabel("temperature [°C]")
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    return figure


def _draw(place: Axes, panel: Panel, cells: Sequence[tuple[int, int]], shape: tuple[int, int]) -> None:
    known = np.full(shape, np.nan)
    for cell, value in zip(cells, panel.values, strict=True):
        known[cell] = np.nan if value is None else value
    low, high = (np.nanmin(known), np.nanmax(known)) if np.isfinite(known).any() else (0.0, 0.0)
    # Differences that are next to nothing should not look like much.
    reach = max(high - low, 0.02 * max(abs(low), abs(high)), 1e-30)
    shades = np.clip((known - low) / reach, 0, 1)
    place.imshow(shades, cmap=COLOURS, vmin=0, vmax=1, aspect="auto")
    for (row, column), value in zip(cells, panel.values, strict=True):
        dark = value is not None and _luminance(float(shades[row, column])) < 0.5
        text = panel.missing if value is None else panel.text(value)
        place.text(column, row, text, ha="center", va="center", color="white" if dark else "black", fontsize=9)
    row, column = cells[0]
    frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=2.5, zorder=5)
    frame.set_clip_on(False)
    place.add_patch(frame)
    place.set_title(panel.title, parse_math=False, loc="left")
    place.tick_params(length=0)
    place.spines[:].set_visible(False)
    place.set_xticks(np.arange(shape[1] - 1) + 0.5, minor=True)
    place.set_yticks(np.arange(shape[0] - 1) + 0.5, minor=True)
    place.grid(which="minor", color="white", linewidth=1.5)
    place.tick_params(which="minor", length=0)


def _rank(corner: str) -> int:
    return ORDER.index(corner) if corner in ORDER else len(ORDER)


def _luminance(shade: float) -> float:
    red, green, blue, _ = colormaps[COLOURS](shade)
    return float(0.299 * red + 0.587 * green + 0.114 * blue)
