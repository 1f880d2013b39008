"""Neuron tables: one of them, or two over each other."""

from functools import partial
from pathlib import Path

import numpy as np

from captwin.scripts.inspection.inspection import Inspection, surfaces_row
from captwin.scripts.quantities import energy_text, quantity
from captwin.scripts.terminal.output import Row, note
from captwin.scripts.terminal.verdict import verdict_rows
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import judge
from captwin.sim.plots.circuits.neuron import common_axes, draw_difference, draw_table, membrane_difference


def inspect_table(name: str) -> Inspection:
    """Axes, conditions, verdict and energy of a table; a picture of all its surfaces."""
    table = load_circuit(name)
    rows = [
        note("kind", "what", "a neuron table"),
        note("circuit", "circuit", table.circuit),
        Row("corner", table.corner, "conditions", f"{table.corner}, {table.temperature:g} deg C, {table.supply:g} V"),
        Row("temperature_c", table.temperature, "", ""),
        Row("supply_v", table.supply, "", ""),
        note("date", "measured", table.date),
        _axis("v", "membrane axis", table.v),
        _axis("u", "drive axis", table.u),
        surfaces_row(table.by_outcome),
        Row("v_rest", table.v_rest, "rest", f"{table.v_rest:g} V"),
        Row("v_read", table.v_read, "swing of the row lines", f"{table.v_read:g} V"),
        Row("c_column_f", table.c_column, "column", quantity(table.c_column, "F")),
        Row("c_membrane_f", table.c_membrane, "membrane", quantity(table.c_membrane, "F")),
        Row("share", table.share, "of a drive reaches the membrane", f"{100 * table.share:.1f} % ideally"),
        *verdict_rows(judge(table)),
        *_energy(table),
        note("circuit_sha256", "SHA-256, date left out", table.circuit_sha256),
        note("source_sha256", "SHA-256 of its source", table.source_sha256),
    ]
    return Inspection(f"Neuron table {Path(name).name}", rows, {"table": partial(draw_table, table)})


def compare_tables(first: str, second: str) -> Inspection:
    """What differs between two tables, where both have values; a picture of one over the other."""
    tables = load_circuit(first), load_circuit(second)
    names = _short(first, second)
    v, u = common_axes(*tables)
    difference = membrane_difference(*tables)
    fired, before, drive = np.meshgrid([False, True], v, u, indexing="ij")
    fires = [table.fires(table.v_rest + before, drive, fired) for table in tables]
    alike = fires[0] == fires[1]
    rows = [
        note("first", "first", f"{names[0]}: {_conditions(tables[0])}"),
        note("second", "second", f"{names[1]}: {_conditions(tables[1])}"),
        Row("same", tables[0].circuit_sha256 == tables[1].circuit_sha256, "", ""),
        _axis("v", "common membranes, from rest", v),
        _axis("u", "common drives", u),
        _millivolts("membrane_rms_v", "membranes differ, RMS", float(np.sqrt(np.square(difference).mean()))),
        _millivolts("membrane_worst_v", "membranes differ, at most", float(np.abs(difference).max())),
        Row("same_decision", float(alike.mean()), "same decision", f"{100 * alike.mean():.2f} % of the plane"),
    ]
    facts = [{row.key: row for row in (*verdict_rows(judge(table)), *_energy(table))} for table in tables]
    for key, row in facts[0].items():
        if row.label and key in facts[1]:
            rows.append(
                Row(
                    key,
                    [table[key].value for table in facts],
                    row.label,
                    " | ".join(table[key].text for table in facts),
                )
            )
    pictures = {"difference": partial(draw_difference, *tables, names)}
    return Inspection(f"{names[0]} and {names[1]}", rows, pictures)


def _short(first: str, second: str) -> tuple[str, str]:
    names = Path(first).stem, Path(second).stem
    return names if names[0] != names[1] else (first, second)


def _conditions(table: NeuronTable) -> str:
    return f"{table.circuit}, {table.corner}, {table.temperature:g} deg C, {table.supply:g} V"


def _axis(key: str, label: str, axis: np.ndarray) -> Row:
    low, high = float(axis[0]), float(axis[-1])
    return Row(f"{key}_axis_v", [low, high, len(axis)], label, f"{low:g} to {high:g} V, {len(axis)} points")


def _energy(table: NeuronTable) -> list[Row]:
    if table.energy is None:
        return [Row("energy_j", None, "energy of a cycle", "not in the table")]
    least, middle, most = (float(joules) for joules in np.quantile(table.energy, [0, 0.5, 1]))
    text = f"{energy_text(middle)} (from {energy_text(least)} to {energy_text(most)})"
    return [Row("energy_j", [least, middle, most], "energy of a cycle, median", text)]


def _millivolts(key: str, label: str, volts: float) -> Row:
    return Row(key, volts, label, f"{1e3 * volts:.3f} mV")
