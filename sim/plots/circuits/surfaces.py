"""Pictures of a neuron table for its datasheet: all its surfaces with contours, its energy, its thresholds over all
conditions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.plots.circuits.neuron import CURVES, STATES, Neuron, even, of_table

#: dark and bright lines on a map: black and white to the eye, but no colours of the page, which change when it is dark
DARK, BRIGHT = "#000001", "#fefefe"
#: colours of corners that all eyes tell apart (Okabe and Ito)
CORNERS = {"tt": "#000000", "ff": "#d55e00", "ss": "#0072b2", "fs": "#e69f00", "sf": "#009e73"}
OTHERS = ("#cc79a7", "#56b4e9", "#808080")
#: dashes from the coldest to the hottest
DASHES = ((0, (1, 1.2)), (0, (3, 1.5)), (0, (6, 1.5)), "-")
OUTCOMES = ("ends without a spike", "ends with a spike")


def draw_surfaces(table: NeuronTable) -> Figure:
    """Membrane after a cycle over all membranes and drives: a map for each state, and for each outcome if the table
    tells them apart. Where the other outcome holds, the map is paler."""
    neuron, count = of_table(table), 2 if table.by_outcome else 1
    figure = Figure(figsize=(11, 3.3 * count + 0.1), layout="constrained")
    axes = figure.subplots(count, 2, squeeze=False)
    volts = table.surfaces if table.by_outcome else table.surfaces[:, None]
    ends = Normalize(float(volts.min()), float(volts.max()))
    for b, state in enumerate(STATES):
        for outcome in range(count):
            axis = axes[outcome, b]
            values = even(neuron, volts[b, outcome])
            picture = _contoured(axis, neuron, values, "cividis", ends)
            if table.by_outcome:
                _fade(axis, neuron, np.ma.getmaskarray(neuron.maps(b)[outcome]))
            axis.plot(1e3 * neuron.thresholds[b], neuron.v, color="tab:red", linewidth=1.8)
            ending = f", {OUTCOMES[outcome]}" if table.by_outcome else ""
            axis.set(title=f"{state}{ending}", xlim=neuron.extent[:2], ylim=neuron.extent[2:])
    _outer_labels(axes, "drive u [mV]", "membrane before [V]")
    figure.colorbar(picture, ax=axes, label="membrane after [V]", aspect=35, pad=0.01)
    return figure


def draw_energy(table: NeuronTable) -> Figure:
    """Energy that a cycle takes over all membranes and drives, and from rest; for a table that tells it."""
    assert table.energy is not None
    neuron, femto = of_table(table), 1e15 * table.energy
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, 3)
    ends = Normalize(float(femto.min()), float(femto.max()))
    for b, axis in enumerate(axes[:2]):
        picture = _contoured(axis, neuron, even(neuron, femto[b]), "cividis", ends)
        axis.plot(1e3 * neuron.thresholds[b], neuron.v, color="tab:red", linewidth=1.8)
        axis.set(title=STATES[b], xlim=neuron.extent[:2], ylim=neuron.extent[2:])
        line = [np.interp(table.v_rest, table.v, femto[b, :, j]) for j in range(len(table.u))]
        axes[2].plot(1e3 * table.u, line, color=CURVES[b], linewidth=1.5, label=STATES[b])
    _outer_labels(axes[None, :2], "drive u [mV]", "membrane before [V]")
    figure.colorbar(picture, ax=axes[:2], label="energy [fJ]", aspect=25, pad=0.02)
    axes[2].set(title="from rest, energy [fJ]", xlabel="drive u [mV]", ylim=(0, 1.25 * femto.max()))
    axes[2].legend(frameon=False, ncols=2, loc="upper left")
    return figure


def draw_thresholds(tables: Sequence[NeuronTable]) -> Figure:
    """Least drive that makes a spike, over membranes counted from rest, for the circuit's own table, the first, and
    below by how much those of other conditions differ from it."""
    own, several = tables[0], len(tables) > 1
    figure = Figure(figsize=(11, 6.2 if several else 3.3), layout="constrained")
    axes = figure.subplots(2 if several else 1, 2, squeeze=False, sharex=True)
    heats = sorted({table.temperature for table in tables})
    for b, state in enumerate(STATES):
        before, curve = own.v - own.v_rest, _finite(own.thresholds[b])
        axes[0, b].plot(before, 1e3 * curve, color="#000000", linewidth=1.6)
        axes[0, b].axvline(0, color="0.7", linewidth=1, linestyle="--")
        name = Conditions(own.corner, own.temperature)
        axes[0, b].set(title=f"{state}, {name.corner}, {name.temperature:g} °C")
        if several:
            _differences(axes[1, b], tables, heats, b)
            axes[1, b].set(title=f"{state}: less that, other conditions")
    axes[0, 0].set(ylabel="least drive [mV]")
    if several:
        axes[1, 0].set(ylabel="difference [mV]")
        handles = [Line2D([], [], color="0.5", linestyle=_dash(heats, heat), label=f"{heat:g} °C") for heat in heats]
        axes[1, 0].legend(handles=handles, frameon=False, ncols=len(heats), loc="upper left", fontsize="small")
    for axis in axes[-1]:
        axis.set(xlabel="membrane before, from rest [V]")
    return figure


def _differences(axis: Axes, tables: Sequence[NeuronTable], heats: Sequence[float], b: int) -> None:
    own = tables[0]
    ends: dict[str, tuple[float, list[float]]] = {}
    axis.axhline(0, color="0.7", linewidth=1)
    axis.axvline(0, color="0.7", linewidth=1, linestyle="--")
    colours = _colours(tables)
    for table in tables[1:]:
        low, high = (pick(own.v[end] - own.v_rest, table.v[end] - table.v_rest) for pick, end in ((max, 0), (min, -1)))
        before = np.linspace(low, high, 129)
        curves = [np.interp(before, each.v - each.v_rest, _finite(each.thresholds[b])) for each in (own, table)]
        difference = 1e3 * (curves[1] - curves[0])
        look: dict[str, Any] = {
            "color": colours[table.corner],
            "linestyle": _dash(heats, table.temperature),
            "linewidth": 1.3,
        }
        axis.plot(before, difference, **look)
        ends.setdefault(table.corner, (before[-1], []))[1].append(difference[-1])
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.18 * (high - low))  # room for the legend
    middles = {corner: (x, float(np.nanmean(y))) for corner, (x, y) in ends.items() if np.isfinite(y).any()}
    for corner, y in _apart({corner: y for corner, (_, y) in middles.items()}, 0.075 * np.ptp(axis.get_ylim())).items():
        look = {"color": colours[corner], "va": "center", "fontweight": "bold"}
        axis.annotate(corner, (middles[corner][0], y), xytext=(5, 0), textcoords="offset points", **look)


def _apart(places: dict[str, float], least: float) -> dict[str, float]:
    """``places`` of labels, moved so that they are ``least`` apart."""
    names = sorted(places, key=lambda name: places[name])
    moved = {name: places[name] for name in names}
    for _ in range(50):
        for low, high in pairwise(names):
            lack = least - (moved[high] - moved[low])
            if lack > 0:
                moved[low] -= lack / 2
                moved[high] += lack / 2
    return moved


def _colours(tables: Sequence[NeuronTable]) -> dict[str, str]:
    strange = sorted({table.corner for table in tables} - set(CORNERS))
    return CORNERS | {corner: OTHERS[number % len(OTHERS)] for number, corner in enumerate(strange)}


def _dash(heats: Sequence[float], heat: float) -> Any:
    """The dashes of a temperature; the hottest is a whole line."""
    return DASHES[max(len(DASHES) - len(heats) + heats.index(heat), 0)]


def _finite(curve: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(curve), curve, np.nan)


def _contoured(axis: Axes, neuron: Neuron, values: np.ndarray, colours: str, ends: Normalize) -> AxesImage:
    """A map with labelled lines of equal value."""
    picture = axis.imshow(values, origin="lower", extent=neuron.extent, aspect="auto", cmap=colours, norm=ends)
    levels = MaxNLocator(nbins=9).tick_values(float(ends.vmin or 0), float(ends.vmax or 1))
    ink = [BRIGHT if ends(level) < 0.6 else DARK for level in levels]
    lines = axis.contour(values, levels=levels, extent=neuron.extent, colors=ink, linewidths=0.8, origin="lower")
    axis.clabel(lines, fontsize=8, fmt="%g")
    return picture


def _fade(axis: Axes, neuron: Neuron, mask: np.ndarray) -> None:
    """Makes the map paler where ``mask`` is true."""
    veil = np.zeros((*mask.shape, 4))
    veil[..., :3], veil[..., 3] = 1.0, np.where(mask, 0.45, 0.0)
    axis.imshow(veil, origin="lower", extent=neuron.extent, aspect="auto")


def _outer_labels(axes: np.ndarray, below: str, left: str) -> None:
    for axis in axes[-1]:
        axis.set_xlabel(below)
    for axis in axes[:, 0]:
        axis.set_ylabel(left)
