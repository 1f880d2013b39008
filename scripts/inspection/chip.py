"""Chip files."""

from functools import partial
from typing import Any

import numpy as np

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.sizing.fit import core_words, size_core
from captwin.hw.chip import Chip, plain_analog
from captwin.hw.support.names import visible
from captwin.scripts.inspection.inspection import Inspection, surfaces_row
from captwin.scripts.quantities import energy_text, quantity
from captwin.scripts.terminal.output import Row, log, note
from captwin.sim import energy
from captwin.sim.devices.gains import charge_volts
from captwin.sim.dither import dither_rms
from captwin.sim.neurons.circuits import table_of
from captwin.sim.neurons.deviation import deviation
from captwin.sim.plots.chips.weights import draw_weights
from captwin.sim.plots.circuits.neuron import draw_neuron, of_layer
from captwin.train.zoo import chip_name, load_chip


def inspect_chip(name: str, *, boards: bool) -> Inspection:
    """Sizes, formats, circuit, weights, energies and provenance of a chip; with ``boards``, where it would fit."""
    chip = load_chip(name)
    formats, analog = chip.formats, chip.analog
    sizes, height, width = "-".join(map(str, chip.sizes)), *chip.image
    table = table_of(chip)
    rows = [
        note("kind", "what", "a chip"),
        note("build_id", "build id", f"{chip.build_id:016x}"),
        Row("sizes", list(chip.sizes), "network", f"{sizes}, images of {height} x {width} pixels"),
        Row("image", [height, width], "", ""),
        Row("encoder", _fields(chip.encoder), "encoder", f"{chip.encoder.kind} code, {chip.encoder.steps} time steps"),
        note("readout", "readout", chip.readout.replace("_", " ")),
        Row(
            "formats",
            _fields(formats),
            "widths",
            f"charge {formats.charge_bits}, drive {formats.drive_bits}, membrane {formats.membrane_bits} bits",
        ),
        Row(
            "analog",
            plain_analog(analog),
            "circuit",
            f"{analog.circuit}, {analog.corner}, {analog.temperature:g} deg C",
        ),
        Row("", None, "supply and row swing", f"{analog.supply:g} V, {analog.v_read:g} V"),
        Row("", None, "membrane capacitor", quantity(analog.c_membrane, "F")),
        Row("", None, "drivers and references", "measured" if analog.periphery else "assumed"),
        Row(
            "", None, "neuron table", f"{analog.table_sha256[:16]}, {'own to Captwin' if table else 'not with Captwin'}"
        ),
        surfaces_row(chip.by_outcome),
        Row("layers", [_layer(chip, number) for number in range(len(chip.layers))], "", ""),
        *(row for number in range(len(chip.layers)) for row in _layer_rows(chip, number)),
        *_provenance(chip.provenance),
        *(_board_rows(chip) if boards else []),
    ]
    pictures: dict[str, Any] = {"weights": partial(draw_weights, chip)}
    for number, layer in enumerate(chip.layers):
        error = deviation(layer, formats, table) if table else None
        pictures[f"neurons{number}"] = partial(draw_neuron, of_layer(layer, formats), error)
    return Inspection(f"Chip {chip_name(name)}", rows, pictures)


def _fields(part: Any) -> dict[str, Any]:
    return dict(vars(part))


def _layer(chip: Chip, number: int) -> dict[str, Any]:
    """What a machine is told of a layer; volts, farads, joules."""
    layer, analog = chip.layers[number], chip.analog.in_layer(number)
    pairs = np.concatenate([layer.c_plus.ravel(), layer.c_minus.ravel()])
    drive = layer.scale.drives(chip.formats).lsb
    gains = charge_volts(layer, chip.formats)
    neuron = of_layer(layer, chip.formats)
    rest = float(layer.scale.membranes(chip.formats).volts(layer.rest))
    thresholds = [float(np.interp(rest, neuron.v, curve)) for curve in neuron.thresholds]
    return {
        "rows": layer.rows,
        "columns": layer.columns,
        "pairs": int(layer.charges.size),
        "charge_codes": len(np.unique(layer.charges)),
        "charges_min": int(layer.charges.min()),
        "charges_max": int(layer.charges.max()),
        "charges_zero": float((layer.charges == 0).mean()),
        "c_pair_min_f": float(pairs.min()),
        "c_pair_max_f": float(pairs.max()),
        "c_column_min_f": float(layer.c_column.min()),
        "c_column_max_f": float(layer.c_column.max()),
        "gain_min_v": float(gains.min()),
        "gain_max_v": float(gains.max()),
        "rest_v": rest,
        "threshold_v": None if np.isnan(thresholds[0]) else thresholds[0],
        "threshold_after_spike_v": None if np.isnan(thresholds[1]) else thresholds[1],
        "threshold_offset_worst_v": float(np.abs(layer.threshold_offsets).max() * drive),
        "dither_rms_v": dither_rms(chip, layer)[0],
        "row_event_energy_j": float(energy.row_energies(layer, analog).mean()),
        "bias_energy_j": energy.bias_energy(layer, analog),
        "neuron_energy_j": None
        if layer.energy is None
        else [float(part) for part in np.quantile(layer.energy, [0, 0.5, 1])],
    }


def _layer_rows(chip: Chip, number: int) -> list[Row]:
    layer, about = chip.layers[number], _layer(chip, number)

    def span(key: str, unit: str) -> str:
        low, high = (about[f"{key}_{end}_{unit.lower()}"] for end in ("min", "max"))
        return f"{quantity(low, unit)} to {quantity(high, unit)}"

    def volts(value: float | None) -> str:
        return "never" if value is None else f"{1e3 * value:.2f} mV"

    zero = f"{100 * about['charges_zero']:.1f} % are 0"
    codes = f"{about['charge_codes']} codes from {about['charges_min']} to {about['charges_max']}, {zero}"
    fires = f"{volts(about['threshold_v'])}, after a spike {volts(about['threshold_after_spike_v'])}"
    texts = {
        f"layer {number}": f"{layer.rows} x {layer.columns}, {about['pairs']:,} pairs of {span('c_pair', 'F')}",
        "  weights": codes,
        "  columns": span("c_column", "F"),
        "  drive of a code": span("gain", "V"),
        "  threshold at rest": fires,
        "  spread of thresholds": f"up to {volts(about['threshold_offset_worst_v'])}",
        **({"  dither": f"{1e6 * about['dither_rms_v']:.1f} uV RMS of drive"} if layer.dither else {}),
        "  energy of a row event": energy_text(about["row_event_energy_j"]),
        "  energy of a neuron's cycle": "not in the chip"
        if about["neuron_energy_j"] is None
        else "{1} (from {0} to {2})".format(*map(energy_text, about["neuron_energy_j"])),
    }
    return [Row("", None, label, text) for label, text in texts.items()]


def _provenance(provenance: dict[str, Any]) -> list[Row]:
    """What the file says of its making; none of it is taken for granted."""
    rows = [Row("provenance", provenance, "", "")]
    for label, path in (
        ("trained on", ("data", "name")),
        ("accuracy when trained", ("accuracy", "test")),
        ("seed", ("seed",)),
        ("mapping", ("config", "mapping")),
        ("levels", ("config", "levels")),
        ("versions", ("versions",)),
    ):
        value: Any = provenance
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            continue
        if isinstance(value, dict):
            text = ", ".join(f"{key} {number}" for key, number in value.items())
        elif label.startswith("accuracy") and isinstance(value, int | float):
            text = f"{100 * value:.2f} %, by its file"
        else:
            text = str(value)
        rows.append(Row("", None, label, visible(text)))
    return rows


def _board_rows(chip: Chip) -> list[Row]:
    """A row a board: the core that it would get, or what there is too little of, by the area model."""
    rows, by_board = [], {}
    for name in BOARDS:
        with log.status(f"area on {name}"):
            board = find_board(name)
            core = size_core(chip, board)
            lacking = [resource.replace("_", " ") for resource in core.lacking]
        words = core_words(core.options)
        by_board[name] = {"fits": not lacking, "core": words, **vars(core.area)}
        text = f"no: too few {', '.join(lacking)}" if lacking else f"fits, {words}"
        rows.append(Row("", None, board.title, text))
    return [Row("boards", by_board, "", ""), *rows]
