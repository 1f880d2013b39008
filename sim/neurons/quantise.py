"""From a neuron table in volts to the integer tables that a chip holds."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from captwin.hw.chip import Formats, Scale
from captwin.hw.code_axis import CodeAxis
from captwin.sim.neurons.table import NeuronTable


@dataclass(frozen=True, eq=False)
class QuantisedNeuron:
    """A neuron in codes; KV, KU are the numbers of knots of ``formats``."""

    formats: Formats
    scale: Scale
    rest: int  #: membrane code at the start of an inference
    surfaces: np.ndarray  #: (2, KV, KU) or (2, 2, KV, KU) uint16 membrane codes, as in the table
    thresholds: np.ndarray  #: (2, KV) uint16 drive codes; 2**drive_bits means never
    energy: np.ndarray | None  #: (2, KV, KU) float32 J

    @property
    def membranes(self) -> CodeAxis:
        """What membrane codes stand for."""
        return self.scale.membranes(self.formats)

    @property
    def drives(self) -> CodeAxis:
        """What drive codes stand for."""
        return self.scale.drives(self.formats)


class Knots(NamedTuple):
    """A neuron table at the knots of some axes."""

    surfaces: np.ndarray  #: (2, KV, KU) or (2, 2, KV, KU) V, as in the table
    thresholds: np.ndarray  #: (2, KV) int64 drive codes; 2**drive_bits means never
    energy: np.ndarray | None  #: (2, KV, KU) float32 J


def quantise(table: NeuronTable, formats: Formats) -> QuantisedNeuron:
    """Codes span the axes of ``table``; between its points the table is bilinear."""
    scale = Scale(*(float(end) for axis in (table.v, table.u) for end in (axis[0], axis[-1])))
    membranes = scale.membranes(formats)
    knots = knots_of(table, formats, scale)
    return QuantisedNeuron(
        formats=formats,
        scale=scale,
        rest=int(membranes.nearest(table.v_rest)),
        surfaces=membranes.nearest(knots.surfaces).astype(np.uint16),
        thresholds=knots.thresholds.astype(np.uint16),
        energy=knots.energy,
    )


def knots_of(table: NeuronTable, formats: Formats, scale: Scale) -> Knots:
    """``table`` at the knots of ``scale``: bilinear between its points, beyond them as at its ends."""
    v = np.linspace(scale.v_min, scale.v_max, formats.membrane_knots)
    u = np.linspace(scale.u_min, scale.u_max, formats.drive_knots)
    drives = scale.drives(formats)
    never = drives.count  # one above the highest code
    silent = np.isinf(table.thresholds)
    # A knot between a point that can fire and one that cannot belongs to the nearer of them.
    curves = _along_v(np.where(silent, table.u[-1], table.thresholds), table.v, v)
    thresholds = np.where(_along_v(silent.astype(float), table.v, v) > 0.5, never, drives.nearest(curves, never))
    energy = None if table.energy is None else _on_knots(table.energy, table, v, u).astype(np.float32)
    return Knots(_on_knots(table.surfaces, table, v, u), thresholds, energy)


def _along_v(values: np.ndarray, points: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(2, Nv) to (2, KV), linear in between."""
    return np.apply_along_axis(lambda line: np.interp(knots, points, line), -1, values)


def _on_knots(values: np.ndarray, table: NeuronTable, v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(..., Nv, Nu) to (..., KV, KU), bilinear in between."""
    rows = np.apply_along_axis(lambda line: np.interp(v, table.v, line), -2, values)
    return np.apply_along_axis(lambda line: np.interp(u, table.u, line), -1, rows)
