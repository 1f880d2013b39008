"""From the capacitances of columns to the gains and offsets that turn accumulators into drive codes."""

import numpy as np

from captwin.hw.chip import GAIN_BITS, Formats, Scale
from captwin.hw.support.errors import CaptwinError

#: A layer's shift unless its gains would not fit; 16 keeps the gain's rounding below a tenth of a drive code.
USUAL_SHIFT = 16


def column_scale(
    charge_lsb: float,
    c_bias: np.ndarray,
    c_column: np.ndarray,
    v_read: float,
    scale: Scale,
    formats: Formats,
    most_shift: int = USUAL_SHIFT,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Gains (columns,) uint32, offsets (columns,) int64 and the shift, at most ``most_shift``, of a layer.

    ``charge_lsb`` [F] is the difference C+ - C- of one charge code, ``c_bias`` (2, columns) and ``c_column``
    (columns,) are in F, ``v_read`` in V. Raises :class:`CaptwinError` if no shift makes the gains fit, or if the
    offsets do not.
    """
    u_lsb = (scale.u_max - scale.u_min) / (1 << formats.drive_bits)
    per_charge = v_read * charge_lsb / c_column / u_lsb
    bias = v_read * (c_bias[0] - c_bias[1]) / c_column
    shift = min(most_shift, int(np.floor(np.log2(((1 << GAIN_BITS) - 1) / per_charge.max()))))
    if shift < 1:
        raise CaptwinError(
            f"mapping: one charge code drives {per_charge.max():.0f} drive codes of {u_lsb:.3g} V, more than a"
            " gain holds; lower v_read or widen the table's u axis"
        )
    gains = np.rint(per_charge * (1 << shift)).astype(np.uint32)
    offsets = np.rint((bias - scale.u_min) / u_lsb * (1 << shift)).astype(np.int64)
    if np.abs(offsets).max() >= formats.offset_limit(shift):
        raise CaptwinError(
            f"mapping: a bias drives {np.abs(bias).max():.3g} V, more than an offset holds;"
            " lower bias_share or v_read or widen the table's u axis"
        )
    return gains, offsets, shift
