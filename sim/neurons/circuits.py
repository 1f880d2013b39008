"""The reference circuits: their committed neuron tables, and the ideal neuron that each of them is judged by."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.digest import sha256_of
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import NAME_LENGTH
from captwin.sim.neurons.library import Library
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable

#: of the reference circuits
TABLES = Library(Path(__file__).parent / "tables", ".json")


def circuit_names() -> list[str]:
    """The reference circuits, whose tables come with Captwin."""
    return TABLES.names()


def load_circuit(name_or_path: str) -> NeuronTable:
    """The table of a reference circuit by its name, the table file at a path, or ``FOLDER/NAME``: the table of the
    circuit NAME in a folder of tables.

    Raises :class:`CaptwinError` if there is none.
    """
    path = TABLES.find(name_or_path) or Path(name_or_path)
    if not path.exists():
        in_folder = Library(path.parent, TABLES.suffix).find(path.name)
        if in_folder is None:
            known = ", ".join(circuit_names())
            raise CaptwinError(f"circuit: no table file {name_or_path!r}, nor a reference circuit; those are {known}")
        path = in_folder
    return NeuronTable.load(path)


def ideal_surfaces(table: NeuronTable) -> np.ndarray:
    """(2, Nv, Nu) V: membranes after a cycle of ideal charge sharing between the capacitances of ``table``, and
    after a spike from exactly rest; on the axes of ``table``."""
    return np.asarray(table.v_rest + _left_by_sharing(table)[:, :, None] + table.share * table.u)


def _left_by_sharing(table: NeuronTable) -> np.ndarray:
    """(2, Nv) V above rest that charge sharing leaves of the membrane, and an exact reset."""
    return np.stack([(1 - table.share) * (table.v - table.v_rest), np.zeros_like(table.v)])


def ideal_twin(table: NeuronTable) -> NeuronTable:
    """The perfect leaky integrate-and-fire neuron that a designer would take ``table``'s circuit for, on its axes.

    The membrane follows the first-order equation of charge sharing with the circuit's two capacitances, fires at rest
    at the same drive as the circuit, at every other membrane and after a spike where it reaches the same level, and is
    reset to rest exactly. It has no energy. Raises :class:`TableError` if the circuit cannot fire from rest.
    """
    least = table.firing_drive - _left_by_sharing(table) / table.share
    return NeuronTable(
        circuit=f"ideal twin of {table.circuit}"[:NAME_LENGTH].rstrip(),
        corner=table.corner,
        temperature=table.temperature,
        supply=table.supply,
        date=table.date,
        source_sha256=sha256_of(["ideal twin", table.circuit_sha256]),
        c_column=table.c_column,
        c_membrane=table.c_membrane,
        v_rest=table.v_rest,
        v_read=table.v_read,
        v=table.v,
        u=table.u,
        surfaces=ideal_surfaces(table),
        thresholds=np.where(least > table.u[-1], np.inf, np.maximum(least, table.u[0])),
    )


def table_of(chip: Chip) -> NeuronTable | None:
    """The table that ``chip``'s neurons were quantised from: a reference circuit's or its ideal twin's, else None."""
    for name in circuit_names():
        reference = load_circuit(name)
        for table in (reference, ideal_twin(reference)):
            if table.circuit_sha256 == chip.analog.table_sha256:
                return table
    return None


def on_circuit(chip: Chip, table: NeuronTable) -> Chip:
    """``chip`` with the neurons of ``table`` in place of its own: the same capacitors, another circuit.

    Raises :class:`CaptwinError` unless the table's axes are those that the chip's codes stand for.
    """
    neuron = quantise(table, chip.formats)
    for number, layer in enumerate(chip.layers):
        if layer.scale != neuron.scale:
            raise CaptwinError(
                f"layers.{number}: codes stand for {layer.scale}, the table of {table.circuit} spans {neuron.scale};"
                " a chip runs on another circuit only if their tables have the same axes"
            )
    return replace(
        chip,
        layers=tuple(
            replace(
                layer,
                rest=neuron.rest,
                surfaces=neuron.surfaces.copy(),
                thresholds=neuron.thresholds.copy(),
                energy=None if neuron.energy is None else neuron.energy.copy(),
            )
            for layer in chip.layers
        ),
        analog=replace(chip.analog, circuit=table.circuit, table_sha256=table.circuit_sha256),
    )
