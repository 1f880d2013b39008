"""From the capacitances of columns to the gains and offsets that turn sums of charges into drive codes."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import GAIN_BITS, Formats, Layer, Scale
from captwin.hw.code_axis import CodeAxis
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.mapping import Capacitances

#: A layer's shift unless its gains would not fit; 16 keeps the gain's rounding below a tenth of a drive code.
USUAL_SHIFT = 16


@dataclass(frozen=True, eq=False)
class ColumnGains:
    """How a layer turns a sum of charges into a drive code: (sum * gain + offset) >> shift, per column."""

    gains: np.ndarray  #: (columns,) uint32
    offsets: np.ndarray  #: (columns,) int64
    shift: int


def column_gains(
    charge_lsb: float,
    capacitances: Capacitances,
    v_read: float,
    scale: Scale,
    formats: Formats,
    most_shift: int = USUAL_SHIFT,
) -> ColumnGains:
    """Gains and offsets of a layer, with a shift of at most ``most_shift``.

    ``charge_lsb`` [F] is the difference C+ - C- of one charge code, ``v_read`` [V] the swing of the row lines. Raises
    :class:`CaptwinError` if no shift makes the gains fit, or if the offsets do not.
    """
    c_bias, c_column, drives = capacitances.c_bias, capacitances.c_column, scale.drives(formats)
    per_charge = charge_drive(charge_lsb, c_column, v_read, drives)
    bias = v_read * (c_bias[0] - c_bias[1]) / c_column
    shift = min(most_shift, int(np.floor(np.log2(((1 << GAIN_BITS) - 1) / per_charge.max()))))
    if shift < 1:
        raise CaptwinError(
            f"mapping: one charge code drives {per_charge.max():.0f} drive codes of {drives.lsb:.3g} V, more than a"
            " gain holds; lower v_read or widen the table's u axis"
        )
    gains = np.rint(per_charge * (1 << shift)).astype(np.uint32)
    offsets = np.rint(drives.codes(bias) * (1 << shift)).astype(np.int64)
    if np.abs(offsets).max() >= formats.offset_limit(shift):
        raise CaptwinError(
            f"mapping: a bias drives {np.abs(bias).max():.3g} V, more than an offset holds;"
            " lower bias_share or v_read or widen the table's u axis"
        )
    return ColumnGains(gains, offsets, shift)


def charge_drive(charge_lsb: float, c_column: np.ndarray, v_read: float, drives: CodeAxis) -> np.ndarray:
    """(columns,) fractional drive codes by which a charge code of ``charge_lsb`` F moves columns of ``c_column`` F."""
    return np.asarray(v_read * charge_lsb / c_column / drives.lsb)


def charge_volts(layer: Layer, formats: Formats) -> np.ndarray:
    """(columns,) V by which one charge code moves the columns of ``layer``, by its gains."""
    return np.asarray(layer.gains.astype(np.float64) * layer.scale.drives(formats).lsb / (1 << layer.shift))
