"""Neurons whose tables are read without interpolation: membranes and drives of few bits, all of them knots.

The drives' axis is a layer's own: a charge code of the layer is a whole number of intervals, so that every sum of
charges falls on a knot. :mod:`captwin.hw.look_up` says what a layer of such neurons is in gates.
"""

from dataclasses import dataclass, replace

import numpy as np

from captwin.hw.chip import Formats, Layer, Scale
from captwin.hw.look_up import look_up_of
from captwin.sim.neurons.quantise import QuantisedNeuron, knots_of
from captwin.sim.neurons.table import NeuronTable


@dataclass(frozen=True, eq=False)
class DirectNeuron(QuantisedNeuron):
    """A neuron in codes whose membranes are knots."""

    smooth: np.ndarray  #: as the surfaces, float32 membrane codes before they were rounded to knots


def direct_scale(table: NeuronTable, formats: Formats, charge: float, step: int, below: float, above: float) -> Scale:
    """Axes on which a charge code, ``charge`` V of drive, is ``step`` drive codes, and the middle code is 0 V.

    Membranes reach from ``below`` under rest to ``above`` over it, in units of the rise at which an ideal neuron
    fires; rest is a knot.
    """
    lsb = charge / step
    middle = 1 << (formats.drive_bits - 1)
    rise = table.share * table.firing_drive
    interval = (below + above) * rise / (1 << (formats.membrane_bits - formats.membrane_fraction))
    low = table.v_rest - round(below * rise / interval) * interval
    count = formats.membrane_knots - 1
    return Scale(low, low + count * interval, -middle * lsb, middle * lsb)


def quantise_direct(table: NeuronTable, formats: Formats, scale: Scale, step: int) -> DirectNeuron:
    """``table`` at the knots of ``scale``, bilinear between its points and held at its ends.

    Membranes are rounded to knots. The last drives, from ``step`` codes below the end on, are one.
    """
    knots = knots_of(table, formats, scale)
    whole, count = 1 << formats.membrane_fraction, 1 << (formats.membrane_bits - formats.membrane_fraction)
    smooth = scale.membranes(formats).codes(knots.surfaces)
    top = (1 << formats.drive_bits) - step
    smooth[..., top >> formats.drive_fraction :] = smooth[..., top >> formats.drive_fraction, None]
    smooth = np.clip(smooth, 0, (count - 1) * whole).astype(np.float32)
    thresholds = knots.thresholds
    between = (thresholds > top) & (thresholds < 1 << formats.drive_bits)
    nearer = np.where(2 * thresholds < 2 * top + step, top, 1 << formats.drive_bits)
    rest = int(scale.membranes(formats).codes(table.v_rest) / whole + 0.5) * whole
    return DirectNeuron(
        formats=formats,
        scale=scale,
        rest=min(max(rest, 0), (count - 1) * whole),
        surfaces=round_to(smooth, whole).astype(np.uint16),
        thresholds=np.where(between, nearer, thresholds).astype(np.uint16),
        energy=knots.energy,
        smooth=smooth,
    )


def round_to(codes: np.ndarray, whole: int) -> np.ndarray:
    """The nearest multiples of ``whole``, half up."""
    return np.floor(codes / whole + 0.5) * whole


def direct_like(layer: Layer, formats: Formats, table: NeuronTable) -> QuantisedNeuron | None:
    """The neuron of ``table`` on the axes of ``layer``, if that needs no interpolation; the membrane's axis moves with
    the table's rest."""
    look_up = look_up_of(layer, formats)
    if look_up is None:
        return None
    moved = table.v_rest - float(layer.scale.membranes(formats).volts(layer.rest))
    scale = replace(layer.scale, v_min=layer.scale.v_min + moved, v_max=layer.scale.v_max + moved)
    return quantise_direct(table, formats, scale, look_up.drive_step)
