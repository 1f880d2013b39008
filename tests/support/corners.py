"""Small tables of one circuit under several conditions, as a designer measures them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from captwin.sim.neurons.conditions import Conditions, folder_of
from captwin.sim.neurons.table import NeuronTable
from tests.support.tables import small_table

#: V by which the threshold of the drive, and the rest with its whole axis, are higher than at tt and 27 deg C
SHIFTS = {
    Conditions("ff", 125.0): (-0.02, 0.01),
    Conditions("ss", -40.0): (0.03, -0.01),
    Conditions("ss", 27.0): (0.02, -0.01),
}


def shifted(table: NeuronTable, conditions: Conditions, threshold: float, rest: float) -> NeuronTable:
    """``table`` under other conditions: its threshold and its rest are higher by so many volts."""
    higher = table.thresholds + threshold
    return replace(
        table,
        corner=conditions.corner,
        temperature=conditions.temperature,
        v_rest=table.v_rest + rest,
        v=table.v + rest,
        surfaces=table.surfaces + rest,
        thresholds=np.where(higher > table.u[-1], np.inf, np.maximum(higher, table.u[0])),
    )


def save_tables(path: Path, table: NeuronTable | None = None) -> NeuronTable:
    """Writes ``table``, by default a small one, to ``path``, and what it becomes at SHIFTS beside it."""
    table = table or small_table(points=17, level=0.02)
    table.save(path)
    folder_of(path).mkdir()
    for conditions, (threshold, rest) in SHIFTS.items():
        shifted(table, conditions, threshold, rest).save(folder_of(path) / f"{conditions.name}.json")
    return table
