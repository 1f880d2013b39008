"""The neurons: their surfaces and threshold curves, and how far the integers are from SPICE."""

import numpy as np

from captwin.hw.chip import Chip, Layer
from captwin.scripts.page.blocks import Block, Drawing, Note, Section, Table
from captwin.scripts.page.drawing import drawing
from captwin.scripts.page.measured import Measured
from captwin.sim.neurons.circuits import circuit_names, table_of
from captwin.sim.neurons.deviation import Deviation, deviation
from captwin.sim.plots.circuits.neuron import STATES, draw_neuron, of_layer
from captwin.sim.plots.style import style


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
        blocks.append(_drawing(chip, layer, error, where))
        if error:
            rows += [_error_row(where, state, error, b) for b, state in enumerate(STATES)]
        drive_lsb = layer.scale.drives(chip.formats).lsb
        spread = [1e3 * drive_lsb * np.abs(chip.layers[n].threshold_offsets).max() for n in numbers]
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


def _drawing(chip: Chip, layer: Layer, error: Deviation | None, where: str) -> Drawing:
    with style():
        figure = draw_neuron(of_layer(layer, chip.formats), error)
    caption = f"The neurons of {where}: what a cycle does to the membrane, and when it makes a spike (red line)."
    if error:
        caption += " Below, the integer neuron less its table."
    return drawing(figure, f"neurons {where}", caption)
