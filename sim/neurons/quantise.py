"""From a neuron table in volts to the integer tables that a chip holds."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Formats, Scale
from captwin.sim.neurons.table import NeuronTable


@dataclass(frozen=True, eq=False)
class QuantisedNeuron:
    """A neuron in codes; KV, KU are the numbers of knots of ``formats``."""

    formats: Formats
    scale: Scale
    rest: int  #: membrane code at the start of an inference
    surfaces: np.ndarray  #: (2, KV, KU) uint16 membrane codes
    thresholds: np.ndarray  #: (2, KV) uint16 drive codes; 2**drive_bits means never
    energy: np.ndarray | None  #: (2, KV, KU) float32 J

    @property
    def v_lsb(self) -> float:
        """Volts that one membrane code is worth."""
        return (self.scale.v_max - self.scale.v_min) / (1 << self.formats.membrane_bits)

    @property
    def u_lsb(self) -> float:
        """Volts that one drive code is worth."""
        return (self.scale.u_max - self.scale.u_min) / (1 << self.formats.drive_bits)


def quantise(table: NeuronTable, formats: Formats) -> QuantisedNeuron:
    """Codes span the axes of ``table``; between its points the table is bilinear."""
    scale = Scale(*(float(end) for axis in (table.v, table.u) for end in (axis[0], axis[-1])))
    v = np.linspace(scale.v_min, scale.v_max, formats.membrane_knots)
    u = np.linspace(scale.u_min, scale.u_max, formats.drive_knots)

    def to_membrane(volts: np.ndarray | float) -> np.ndarray:
        codes = np.floor((volts - scale.v_min) / (scale.v_max - scale.v_min) * (formats.membrane_max + 1) + 0.5)
        return np.clip(codes, 0, formats.membrane_max)

    never = formats.drive_max + 1
    silent = np.isinf(table.thresholds)
    # A knot between a point that can fire and one that cannot belongs to the nearer of them.
    curves = _along_v(np.where(silent, scale.u_max, table.thresholds), table.v, v)
    codes = np.floor((curves - scale.u_min) / (scale.u_max - scale.u_min) * never + 0.5)
    thresholds = np.where(_along_v(silent.astype(float), table.v, v) > 0.5, never, np.clip(codes, 0, never))
    energy = None if table.energy is None else _on_knots(table.energy, table, v, u).astype(np.float32)
    return QuantisedNeuron(
        formats=formats,
        scale=scale,
        rest=int(to_membrane(table.v_rest)),
        surfaces=to_membrane(_on_knots(table.surfaces, table, v, u)).astype(np.uint16),
        thresholds=thresholds.astype(np.uint16),
        energy=energy,
    )


def _along_v(values: np.ndarray, points: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(2, Nv, ...) to (2, KV, ...), linear in between."""
    return np.apply_along_axis(lambda line: np.interp(knots, points, line), 1, values)


def _on_knots(values: np.ndarray, table: NeuronTable, v: np.ndarray, u: np.ndarray) -> np.ndarray:
    rows = _along_v(values, table.v, v)
    return np.apply_along_axis(lambda line: np.interp(u, table.u, line), 2, rows)
