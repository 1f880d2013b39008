"""Pictures of neurons: surfaces, threshold curves and energy, and how far two of them are apart."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from captwin.hw.chip import Formats, Layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import ideal_surfaces
from captwin.sim.neurons.deviation import Deviation
from captwin.sim.neurons.table import NeuronTable

#: the two states of a neuron, index 0 and 1 of every array below
STATES = ("silent neuron", "just fired")
CURVES = ("tab:blue", "tab:orange")
ERRORS = LinearSegmentedColormap.from_list("errors", ["#2166ac", "#f7f7f7", "#b2182b"])


@dataclass(frozen=True, eq=False)
class Neuron:
    """What is drawn of a neuron; Nv, Nu are the lengths of the axes."""

    v: np.ndarray  #: (Nv,) V: membrane before the cycle, rising
    u: np.ndarray  #: (Nu,) V: drive, rising
    surfaces: np.ndarray  #: (2, Nv, Nu), or (2, 2, Nv, Nu) by outcome too, V: membrane after the cycle
    thresholds: np.ndarray  #: (2, Nv) V: least drive that makes a spike; NaN where none does

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Ends of the picture: drive in mV, membrane in V."""
        return 1e3 * self.u[0], 1e3 * self.u[-1], self.v[0], self.v[-1]

    def maps(self, b: int) -> list[np.ma.MaskedArray]:
        """V, membranes after a cycle as :func:`even` has them: one map; of four surfaces one of cycles without a spike
        and one of those with, each masked where the other holds."""
        if self.surfaces.ndim == 3:
            return [np.ma.masked_array(even(self, self.surfaces[b]))]
        silent, firing = (even(self, surface) for surface in self.surfaces[b])
        v, u = (np.linspace(axis[0], axis[-1], len(silent)) for axis in (self.v, self.u))
        never = np.isnan(self.thresholds[b])
        least = np.interp(v, self.v, np.where(never, self.u[-1], self.thresholds[b]))
        least[np.interp(v, self.v, never.astype(float)) > 0.5] = np.inf
        fires = u >= least[:, None]
        return [np.ma.masked_array(silent, fires), np.ma.masked_array(firing, ~fires)]


def of_table(table: NeuronTable) -> Neuron:
    """The neuron of a table."""
    return Neuron(table.v, table.u, table.surfaces, np.where(np.isinf(table.thresholds), np.nan, table.thresholds))


def of_layer(layer: Layer, formats: Formats) -> Neuron:
    """The neurons of a chip's layer, codes turned into volts, without the neurons' own threshold offsets."""
    scale, drives = layer.scale, layer.scale.drives(formats)
    return Neuron(
        np.linspace(scale.v_min, scale.v_max, formats.membrane_knots),
        np.linspace(scale.u_min, scale.u_max, formats.drive_knots),
        scale.membranes(formats).volts(layer.surfaces),
        np.where(layer.thresholds < drives.count, drives.volts(layer.thresholds), np.nan),
    )


def draw_neuron(neuron: Neuron, error: Deviation | None = None) -> Figure:
    """Surfaces and threshold curves of ``neuron``; with ``error``, the chip's distance from its table below them."""
    figure = Figure(figsize=(11, 6.6 if error else 3.3), layout="constrained")
    axes = figure.subplots(2 if error else 1, 3, squeeze=False)
    _surface_row(figure, axes[0], neuron)
    if error:
        _difference_row(figure, axes[1], neuron.extent, error.membrane, "error")
        _curves(axes[1, 2], error.v, 1e3 * error.threshold)
        axes[1, 2].axhline(0, color="0.7", linewidth=1)
        axes[1, 2].set(title="error of the least drive", ylabel="error [mV]")
    return figure


def draw_table(table: NeuronTable) -> Figure:
    """All of a table: surfaces and thresholds, what the circuit adds to ideal charge sharing, and energy if known."""
    neuron = of_table(table)
    rows = 3 if table.energy is not None else 2
    figure = Figure(figsize=(11, 3.3 * rows), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    figure.suptitle(f"{table.circuit}, {table.corner}, {table.temperature:g} °C, {table.supply:g} V", parse_math=False)
    _surface_row(figure, axes[0], neuron)
    axes[0, 2].axvline(table.v_rest, color="0.7", linewidth=1, linestyle="--")
    residual = table.after - ideal_surfaces(table)
    _difference_row(figure, axes[1], neuron.extent, residual, "less an ideal neuron")
    _at_rest(axes[1, 2], table)
    if table.energy is not None:
        _energy_row(figure, axes[2], table, table.energy)
    return figure


def draw_difference(first: NeuronTable, second: NeuronTable, names: tuple[str, str]) -> Figure:
    """Two tables over each other where both have values, membranes counted from each one's rest: the second's membrane
    less the first's, threshold curves, and what a cycle from rest does.

    Raises :class:`CaptwinError` if their axes do not overlap.
    """
    v, u = common_axes(first, second)
    difference = membrane_difference(first, second)
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    axes = figure.subplots(2, 3)
    figure.suptitle(f"{names[1]} (dashed) less {names[0]} (solid); membranes from rest", parse_math=False)
    extent = (1e3 * u[0], 1e3 * u[-1], v[0], v[-1])
    _difference_row(figure, axes[0], extent, difference, "difference")
    for axis in axes[0, :2]:
        axis.set_ylabel("membrane before, from rest [V]")
    for table, line in ((first, "-"), (second, "--")):
        curves = of_table(table).thresholds
        for b, colour in enumerate(CURVES):
            look = {"color": colour, "linestyle": line, "linewidth": 1.5}
            axes[0, 2].plot(table.v - table.v_rest, 1e3 * curves[b], **look)
            after = table.step(np.full_like(u, table.v_rest), u, np.full(u.shape, bool(b))) - table.v_rest
            axes[1, b].plot(1e3 * u, 1e3 * after, **look)
    axes[0, 2].set(
        title="least drive that makes a spike", xlabel="membrane before, from rest [V]", ylabel="drive u [mV]"
    )
    for b, state in enumerate(STATES):
        axes[1, b].set(
            title=f"{state}: a cycle from rest", xlabel="drive u [mV]", ylabel="membrane after, from rest [mV]"
        )
        spread = 1e3 * difference[b].ravel()
        axes[1, 2].hist(spread, bins=60, histtype="step", color=CURVES[b], linewidth=1.5, label=state)
    axes[1, 2].set(title="membrane differences", xlabel="difference [mV]", ylabel="points of the plane")
    axes[1, 2].legend(frameon=False)
    return figure


def common_axes(first: NeuronTable, second: NeuronTable, points: int = 129) -> tuple[np.ndarray, np.ndarray]:
    """``points`` membranes, V from rest, and drives, V, over the ranges that both tables have.

    Raises :class:`CaptwinError` if they share no drives.
    """
    axes = []
    for first_axis, second_axis in ((first.v - first.v_rest, second.v - second.v_rest), (first.u, second.u)):
        low, high = max(first_axis[0], second_axis[0]), min(first_axis[-1], second_axis[-1])
        if low >= high:
            raise CaptwinError(
                f"the tables share no range: {first_axis[0]:g} to {first_axis[-1]:g} V"
                f" and {second_axis[0]:g} to {second_axis[-1]:g} V"
            )
        axes.append(np.linspace(low, high, points))
    return axes[0], axes[1]


def membrane_difference(first: NeuronTable, second: NeuronTable) -> np.ndarray:
    """(2, points, points) V: membrane after a cycle, from rest, second less first, over :func:`common_axes`."""
    v, u = common_axes(first, second)
    fired, before, drive = np.meshgrid([False, True], v, u, indexing="ij")
    after = [table.step(table.v_rest + before, drive, fired) - table.v_rest for table in (first, second)]
    return after[1] - after[0]


def _surface_row(figure: Figure, axes: np.ndarray, neuron: Neuron) -> None:
    extent, maps = neuron.extent, [neuron.maps(b) for b in (0, 1)]
    shown = np.concatenate([part.compressed() for parts in maps for part in parts])
    ends = float(shown.min()), float(max(shown.max(), shown.min() + 1e-9))
    levels = np.linspace(*ends, 12)
    for b, axis in enumerate(axes[:2]):
        for part in maps[b]:
            picture = _map(axis, part, extent, "cividis", ends)
            if part.count():
                axis.contour(
                    part, levels=levels, extent=extent, colors="#fefefe", linewidths=0.5, alpha=0.6, origin="lower"
                )
        axis.plot(1e3 * neuron.thresholds[b], neuron.v, color="tab:red", linewidth=1.8)
        axis.set(title=f"{STATES[b]}: membrane after", xlim=extent[:2], ylim=extent[2:])
    figure.colorbar(picture, ax=axes[1], label="V")
    _curves(axes[2], neuron.v, 1e3 * neuron.thresholds)
    axes[2].set(title="least drive that makes a spike", ylabel="drive u [mV]", ylim=extent[:2])
    if np.isnan(neuron.thresholds).all():
        axes[2].text(0.5, 0.5, "no drive makes a spike", transform=axes[2].transAxes, ha="center", color="tab:red")


def _difference_row(
    figure: Figure, axes: np.ndarray, extent: tuple[float, float, float, float], volts: np.ndarray, name: str
) -> None:
    """Maps of (2, Nv, Nu) V, in mV and with zero in the middle of the colours."""
    reach = max(1e3 * float(np.abs(volts).max()), 1e-6)
    for b, axis in enumerate(axes[:2]):
        picture = _map(axis, 1e3 * volts[b], extent, ERRORS, (-reach, reach))
        axis.set_title(f"{STATES[b]}: {name}")
    figure.colorbar(picture, ax=axes[1], label="mV")


def _energy_row(figure: Figure, axes: np.ndarray, table: NeuronTable, joules: np.ndarray) -> None:
    neuron, femto = of_table(table), 1e15 * joules
    for b, axis in enumerate(axes[:2]):
        picture = _map(axis, even(neuron, femto[b]), neuron.extent, "magma", (femto.min(), femto.max()))
        axis.set_title(f"{STATES[b]}: energy of a cycle")
        line = [np.interp(table.v_rest, table.v, femto[b, :, j]) for j in range(len(table.u))]
        axes[2].plot(1e3 * table.u, line, color=CURVES[b], linewidth=1.5, label=STATES[b])
    figure.colorbar(picture, ax=axes[1], label="fJ")
    axes[2].set(title="energy of a cycle, from rest", xlabel="drive u [mV]", ylabel="energy [fJ]")
    axes[2].set_ylim(0, 1.08 * max(femto.max(), 1e-9))
    axes[2].legend(frameon=False)


def _at_rest(axis: Axes, table: NeuronTable, points: int = 1025) -> None:
    u = np.linspace(table.u[0], table.u[-1], points)
    rest = np.full_like(u, table.v_rest)
    for b, colour in enumerate(CURVES):
        fired = np.full(u.shape, bool(b))
        line = table.step(rest, u, fired) - (table.v_rest + table.share * u)
        if table.by_outcome:  # the line breaks where the membrane jumps
            line[1:][np.diff(table.fires(rest, u, fired))] = np.nan
        axis.plot(1e3 * u, 1e3 * line, color=colour, linewidth=1.5, label=STATES[b])
    axis.axhline(0, color="0.7", linewidth=1)
    axis.set(title="less an ideal neuron, from rest", xlabel="drive u [mV]", ylabel="difference [mV]")
    axis.legend(frameon=False)


def _map(
    axis: Axes,
    values: np.ndarray,
    extent: tuple[float, float, float, float],
    colours: str | LinearSegmentedColormap,
    ends: tuple[float, float],
) -> AxesImage:
    axis.set(xlabel="drive u [mV]", ylabel="membrane before [V]")
    return axis.imshow(values, origin="lower", extent=extent, aspect="auto", cmap=colours, vmin=ends[0], vmax=ends[1])


def _curves(axis: Axes, v: np.ndarray, curves: np.ndarray) -> None:
    for curve, colour, state in zip(curves, CURVES, STATES, strict=True):
        axis.plot(v, curve, color=colour, linewidth=1.5, label=state)
    axis.set(xlabel="membrane before [V]", xlim=(v[0], v[-1]))
    axis.xaxis.set_major_locator(MaxNLocator(nbins=5))
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
    axis.legend(frameon=False)


def even(neuron: Neuron, values: np.ndarray, points: int = 257) -> np.ndarray:
    """(Nv, Nu) on evenly spaced points, bilinear between those of the axes, as the arithmetic has it."""
    v, u = (np.linspace(axis[0], axis[-1], points) for axis in (neuron.v, neuron.u))
    along = np.stack([np.interp(u, neuron.u, line) for line in values])
    return np.stack([np.interp(v, neuron.v, line) for line in along.T], axis=1)
