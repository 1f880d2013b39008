"""How far a chip's integer neuron is from the table in volts that it was quantised from."""

from dataclasses import dataclass, replace

import numpy as np

from captwin.hw.chip import Formats, Layer
from captwin.sim import golden
from captwin.sim.neurons.table import NeuronTable

#: points along each axis: some between every two knots of the finest tables
POINTS = 257


@dataclass(frozen=True, eq=False)
class Deviation:
    """Chip less table over a grid of codes, as designed: without the neurons' threshold offsets.

    Index 0 of an array is the silent neuron, index 1 the one that spiked in the cycle before.
    """

    v: np.ndarray  #: (Nv,) V: membrane before the cycle
    u: np.ndarray  #: (Nu,) V: drive
    membrane: np.ndarray  #: (2, Nv, Nu) V: error of the membrane after the cycle, both having the chip's spike
    thresholds: np.ndarray  #: (2, Nv) V: the chip's least drive that makes a spike; NaN where none does
    threshold: np.ndarray  #: (2, Nv) V: its error; NaN where chip or table never fire
    alike: np.ndarray  #: (2,) share of the points at which chip and table both fire or both do not


def deviation(layer: Layer, formats: Formats, table: NeuronTable) -> Deviation:
    """Compares the neurons of ``layer`` with ``table`` over the whole range of their codes."""
    tops = formats.membrane_max, formats.drive_max
    v, u = (np.linspace(0, top, POINTS).round().astype(np.int64) for top in tops)
    membranes, drives = layer.scale.membranes(formats), layer.scale.drives(formats)
    v_volts = membranes.volts(v)

    as_designed = replace(layer, threshold_offsets=np.zeros(1, np.int32))
    b, v_before, drive = np.meshgrid([0, 1], v, u, indexing="ij")
    v_after, fires = golden.run_cycle(as_designed, formats, v_before, b, drive)
    points = membranes.volts(v_before), drives.volts(drive), b == 1

    codes = firing_drive_codes(layer, formats, v)
    thresholds = np.where(codes < drives.count, drives.volts(codes), np.nan)
    silent = np.isinf(table.thresholds)
    wanted, share = (
        np.stack([np.interp(v_volts, table.v, curve) for curve in curves])
        for curves in (np.where(silent, table.u[-1], table.thresholds), silent.astype(float))
    )
    return Deviation(
        v=v_volts,
        u=drives.volts(u),
        membrane=membranes.volts(v_after) - table.step(*points, spikes=fires == 1),
        thresholds=thresholds,
        threshold=np.where(share > 0.5, np.nan, thresholds - wanted),
        alike=np.asarray((fires == table.fires(*points)).mean(axis=(1, 2))),
    )


def firing_drive_codes(layer: Layer, formats: Formats, v: np.ndarray) -> np.ndarray:
    """(2, Nv) least drive codes that make a spike at membrane codes ``v``: the threshold D of docs/arithmetic.md."""
    i, x = v >> formats.membrane_fraction, v & ((1 << formats.membrane_fraction) - 1)
    curves = layer.thresholds.astype(np.int64)
    scaled = (curves[:, i] << formats.membrane_fraction) + x * (curves[:, i + 1] - curves[:, i])
    return np.asarray((scaled + (1 << (formats.membrane_fraction - 1))) >> formats.membrane_fraction)
