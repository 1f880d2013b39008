"""Layers whose neurons are a plain look-up: no drive and no membrane of theirs ever lies between two knots.

Such a layer is written in a chip file like any other, and every model and core runs it. It needs no interpolation,
though, so a neuron can be one read of a memory a time step.
"""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Formats, Layer


@dataclass(frozen=True)
class LookUp:
    """The memory that says all of a neuron: an address of the spike before, the membrane and the drive."""

    drive_step: int  #: drive codes between two drives that occur, a power of two; beyond them only the highest code
    drive_bits: int  #: of the address
    membrane_bits: int  #: of the address

    @property
    def words(self) -> int:
        """Of the memory; each holds the new membrane and the spike."""
        return 1 << (1 + self.membrane_bits + self.drive_bits)

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self.membrane_bits + 1


def look_up_of(layer: Layer, formats: Formats) -> LookUp | None:
    """The memory that a neuron of ``layer`` is, or None if the layer needs interpolation.

    It needs none if a charge and the offset are whole numbers of intervals of the tables, if all membranes are knots,
    and if nothing tells the highest drive code from the last whole step below it.
    """
    if layer.dither is not None:
        return None
    step = drive_step(layer, formats)
    top = (1 << formats.drive_bits) - step
    if step < 1 << formats.drive_fraction or top < 0:
        return None
    membranes = np.append(layer.surfaces.ravel(), layer.rest)
    last = layer.surfaces[..., top >> formats.drive_fraction :]
    decided = layer.thresholds[:, :, None].astype(np.int64) + layer.threshold_offsets
    if (membranes % (1 << formats.membrane_fraction)).any() or (last != last[..., :1]).any():
        return None
    if ((decided > top) & (decided <= formats.drive_max)).any():
        return None
    return LookUp(
        drive_step=step,
        drive_bits=formats.drive_bits - (step.bit_length() - 1),
        membrane_bits=formats.membrane_bits - formats.membrane_fraction,
    )


def drive_step(layer: Layer, formats: Formats) -> int:
    """The largest power of two that divides all drives; 0 if it is not a whole number of codes."""
    parts = np.concatenate([layer.gains.astype(np.int64), layer.offsets, [1 << (formats.drive_bits + layer.shift)]])
    together = int(np.bitwise_or.reduce(parts))
    return (together & -together) >> layer.shift
