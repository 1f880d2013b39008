"""The neurons: their surfaces and threshold curves, and how far the integers are from SPICE."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from hw.chip import Chip, Layer
from scripts.page.blocks import Block, Drawing, Note, Section, Table
from scripts.page.drawing import drawing, style
from scripts.page.measured import Measured
from sim.analog.circuits import circuit_names, table_of
from sim.analog.deviation import Deviation, deviation

STATES = ("silent neuron", "just fired")
CURVES = ("tab:blue", "tab:orange")
ERRORS = LinearSegmentedColormap.from_list("errors", ["#2166ac", "#f7f7f7", "#b2182b"])


def section(measured: Measured) -> Section:
    """A figure for each neuron that differs, and a table of its quantisation error."""
    chip = measured.chip
    table = table_of(chip)
    analog = chip.analog
    lead = f"Neurons of the circuit {analog.circuit}, corner {analog.corner}, {analog.temperature:g} °C."
    measured_in = " from SPICE" if analog.circuit in circuit_names() else ""
    blocks: list[Block] = []
    rows = []
    for numbers in _alike(chip):
        layer = chip.layers[numbers[0]]
        where = f"layer{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"
        error = deviation(layer, chip.formats, table) if table else None
        blocks.append(_surfaces(chip, layer, error, where))
        if error:
            rows += [_error_row(where, state, error, b) for b, state in enumerate(STATES)]
        spread = [1e3 * _drive_lsb(chip, layer) * np.abs(chip.layers[n].threshold_offsets).max() for n in numbers]
        if max(spread) > 0:
            blocks.append(Note(f"Threshold offsets of the neurons in {where} reach {max(spread):.2f} mV of drive."))
    if table is None:
        blocks.append(
            Note(
                f"The table that these neurons were quantised from ({analog.table_sha256[:16]}…) does not come with "
                "Captwin, so their quantisation error is not told."
            )
        )
    else:
        head = (
            "",
            "",
            ">membrane, RMS [mV]",
            ">largest [mV]",
            ">threshold, RMS [mV]",
            ">largest [mV]",
            ">same decision [%]",
        )
        caption = (
            f"Quantisation error, the integer neuron less its table{measured_in} over the whole plane of membrane and "
            "drive: membrane after a cycle, threshold (the least drive that makes a spike), and how often both decide "
            "alike."
        )
        blocks.append(Table(head, rows, caption))
        rms, worst = (max(float(row[column]) for row in rows) for column in (2, 3))
        lead += f" The integers stay within {worst:.2f} mV of their table{measured_in}, {rms:.2f} mV RMS."
    return Section("neurons", "Neurons", lead, blocks)


def _alike(chip: Chip) -> list[list[int]]:
    """Numbers of the layers, those with the same neuron together."""
    groups: dict[bytes, list[int]] = {}
    for number, layer in enumerate(chip.layers):
        key = layer.surfaces.tobytes() + layer.thresholds.tobytes() + repr(layer.scale).encode()
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def _error_row(where: str, state: str, error: Deviation, b: int) -> tuple[str, ...]:
    pairs = (1e3 * error.membrane[b], 1e3 * error.threshold[b][np.isfinite(error.threshold[b])])
    numbers = [f"{f(part):.3f}" if part.size else "none" for part in pairs for f in (_rms, _largest)]
    return (where, state, *numbers, f"{100 * error.alike[b]:.3f}")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def _drive_lsb(chip: Chip, layer: Layer) -> float:
    return (layer.scale.u_max - layer.scale.u_min) / (1 << chip.formats.drive_bits)


def _surfaces(chip: Chip, layer: Layer, error: Deviation | None, where: str) -> Drawing:
    """Surfaces and curves in the first row, their errors in the second."""
    scale, formats = layer.scale, chip.formats
    volts = scale.v_min + layer.surfaces * ((scale.v_max - scale.v_min) / (1 << formats.membrane_bits))
    extent = (1e3 * scale.u_min, 1e3 * scale.u_max, scale.v_min, scale.v_max)
    v = np.linspace(scale.v_min, scale.v_max, formats.membrane_knots)
    u = np.linspace(*extent[:2], formats.drive_knots)
    never = 1 << formats.drive_bits
    curves = np.where(
        layer.thresholds < never, 1e3 * (scale.u_min + layer.thresholds * _drive_lsb(chip, layer)), np.nan
    )
    with style():
        figure = Figure(figsize=(11, 6.6 if error else 3.2), layout="constrained")
        axes = figure.subplots(2 if error else 1, 3, squeeze=False)
        levels = np.linspace(volts.min(), volts.max(), 12)
        for b, axis in enumerate(axes[0, :2]):
            picture = axis.imshow(
                _fine(volts[b]),
                origin="lower",
                extent=extent,
                aspect="auto",
                cmap="cividis",
                vmin=volts.min(),
                vmax=volts.max(),
            )
            axis.contour(u, v, volts[b], levels=levels, colors="#fefefe", linewidths=0.5, alpha=0.6)
            axis.plot(curves[b], v, color="tab:red", linewidth=1.8)
            axis.set(title=f"{STATES[b]}: membrane after", xlabel="drive u [mV]", ylabel="membrane before [V]")
            axis.set(xlim=extent[:2], ylim=extent[2:])
        figure.colorbar(picture, ax=axes[0, 1], label="V")
        _curves(axes[0, 2], v, curves)
        axes[0, 2].set(title="least drive that makes a spike", ylabel="drive u [mV]", ylim=extent[:2])
        if error:
            _errors(figure, axes[1], error, extent)
    caption = f"The neurons of {where}: what a cycle does to the membrane, and when it makes a spike (red line)."
    if error:
        caption += " Below, the integer neuron less its table."
    return drawing(figure, f"neurons {where}", caption)


def _errors(figure: Figure, axes: np.ndarray, error: Deviation, extent: tuple[float, float, float, float]) -> None:
    reach = max(1e3 * float(np.abs(error.membrane).max()), 1e-6)
    for b, axis in enumerate(axes[:2]):
        picture = axis.imshow(
            1e3 * error.membrane[b], origin="lower", extent=extent, aspect="auto", cmap=ERRORS, vmin=-reach, vmax=reach
        )
        axis.set(title=f"{STATES[b]}: error", xlabel="drive u [mV]", ylabel="membrane before [V]")
    figure.colorbar(picture, ax=axes[1], label="mV")
    axes[2].axhline(0, color="0.7", linewidth=1)
    _curves(axes[2], error.v, 1e3 * error.threshold)
    axes[2].set(title="error of the least drive", ylabel="error [mV]")


def _curves(axis: Axes, v: np.ndarray, curves: np.ndarray) -> None:
    for curve, colour, state in zip(curves, CURVES, STATES, strict=True):
        axis.plot(v, curve, color=colour, linewidth=1.5, label=state)
    axis.set(xlabel="membrane before [V]")
    axis.legend(frameon=False)


def _fine(values: np.ndarray, times: int = 8) -> np.ndarray:
    """Bilinear between knots, as the arithmetic has it."""
    for _ in range(2):
        knots = np.arange(len(values))
        at = np.linspace(0, knots[-1], knots[-1] * times + 1)
        values = np.stack([np.interp(at, knots, line) for line in values.T])
    return values
