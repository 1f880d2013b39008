"""What all neurons of a chip share, put into the integer tables of the chip's layers."""

from dataclasses import replace

import numpy as np

from captwin.hw.chip import Formats, Layer
from captwin.sim.mismatch.shared import Deviation
from captwin.sim.neurons.quantise import QuantisedNeuron


def deviated_layer(layer: Layer, formats: Formats, deviation: Deviation) -> Layer:
    """``layer`` with surfaces and thresholds as ``deviation`` makes them.

    Between its points the deviation is linear, beyond them as at the last one. Membrane codes are seen from V_ref as
    before, so the code at rest stays. A knot from which the typical neuron never fires stays one.
    """
    membranes, drives = layer.scale.membranes(formats), layer.scale.drives(formats)
    v_codes = np.arange(formats.membrane_knots) << formats.membrane_fraction
    u_codes = np.arange(formats.drive_knots) << formats.drive_fraction
    x = membranes.volts(v_codes) - membranes.volts(layer.rest)
    u = drives.volts(u_codes)
    curves = np.stack([np.interp(x, deviation.x, curve) for curve in deviation.thresholds])
    change = np.apply_along_axis(lambda line: np.interp(x, deviation.x, line), -2, deviation.surfaces)
    change = np.apply_along_axis(lambda line: np.interp(u, deviation.u, line), -1, change)
    if layer.surfaces.ndim == 3:  # one surface for both outcomes: that of the outcome there
        fires = u_codes >= layer.thresholds[:, :, None]
        change = np.where(fires, change[:, 1], change[:, 0])
    surfaces = layer.surfaces + np.rint(change / membranes.lsb)
    moved = np.rint(layer.thresholds + curves / drives.lsb)
    moved = np.where(layer.thresholds == drives.count, drives.count, np.clip(moved, 0, drives.count))
    return replace(
        layer,
        surfaces=np.clip(surfaces, 0, formats.membrane_max).astype(layer.surfaces.dtype),
        thresholds=moved.astype(layer.thresholds.dtype),
    )


def rest_knot(layer: Layer | QuantisedNeuron, formats: Formats) -> int:
    """The knot nearest to a resting membrane."""
    half = 1 << (formats.membrane_fraction - 1)
    return min((layer.rest + half) >> formats.membrane_fraction, formats.membrane_knots - 1)
