"""Layers whose neurons need no interpolation, as gates without any have them."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Formats, Layer
from captwin.hw.look_up import drive_step
from captwin.hw.support.errors import CaptwinError

_ADVICE = "train a chip for real time, with [direct] in its configuration (docs/training.md)"


@dataclass(frozen=True, eq=False)
class DirectLayer:
    """A layer as a real-time core has it.

    Its drives are whole *steps* of 2**``step_bits`` drive codes, 0 to 2**``drive_bits`` - 1 of them, or clamped above;
    its membranes are knots of the tables, 0 to 2**``membrane_bits`` - 1.
    """

    step_bits: int
    drive_bits: int
    membrane_bits: int
    rest: int  #: knot
    weights: np.ndarray  #: (rows, columns) int64 steps that a spike of the row adds
    factors: np.ndarray  #: (columns,) int64 steps a charge code, powers of two
    offsets: np.ndarray  #: (columns,) int64 steps
    #: (2 or 4, 2**membrane_bits, 2**drive_bits) knots after a time step, by the spike before, of 4 also by the new one
    membranes: np.ndarray
    #: (columns, 2, 2**membrane_bits) steps from which on a neuron fires, by the spike before and the knot;
    #: 2**drive_bits stands for clamped drives alone, one more for never
    limits: np.ndarray

    @property
    def alike(self) -> bool:
        """Whether all neurons fire at the same drives, and a clamped drive does what the greatest one does."""
        return bool((self.limits == self.limits[0]).all() and (self.limits != 1 << self.drive_bits).all())

    def words(self) -> list[int]:
        """The table: a word at the address drive + (membrane << drive_bits) + (spike before << both).

        A word holds the new membrane and above it, of neurons that are :attr:`alike`, the new spike. Of others it
        holds, where there are four surfaces, the membrane without a spike and above it that with one.
        """
        bits = self.membrane_bits
        if not self.alike:
            both = self.membranes.reshape(2, -1, *self.membranes.shape[1:])
            return [
                int(word) for word in np.sum([both[:, s] << s * bits for s in range(both.shape[1])], axis=0).ravel()
            ]
        fires = np.arange(1 << self.drive_bits) >= self.limits[0][..., None]
        after = self.membranes
        if len(after) == 4:
            after = np.where(fires, after[1::2], after[::2])
        return [int(word) for word in (after | fires.astype(np.int64) << bits).ravel()]

    @property
    def word_bits(self) -> int:
        """Bits of a word of the table."""
        return self.membrane_bits + 1 if self.alike else self.membrane_bits * (len(self.membranes) // 2)


def direct_layer(layer: Layer, formats: Formats, where: str) -> DirectLayer:
    """``layer``, called ``where`` in messages, for a real-time core; :class:`CaptwinError` says why there is none."""
    if layer.dither is not None:
        raise CaptwinError(f"{where}.dither: a real-time core has no gates for it; take the chip without dither")
    step_bits = _step_bits(layer, formats, where)
    drive_bits = formats.drive_bits - step_bits
    top = (1 << drive_bits) - 1
    knots = np.arange(top + 1) << step_bits >> formats.drive_fraction
    surfaces = layer.surfaces.reshape(-1, *layer.surfaces.shape[-2:])[:, :-1].astype(np.int64)
    if (surfaces & ((1 << formats.membrane_fraction) - 1)).any() or layer.rest % (1 << formats.membrane_fraction):
        raise CaptwinError(f"{where}.surfaces: its membranes lie between knots; {_ADVICE}")
    if (surfaces[..., -2:] != surfaces[..., knots[-1], None]).any():
        raise CaptwinError(f"{where}.surfaces: the last knots of the drive differ, so clamped drives do; {_ADVICE}")
    thresholds = layer.thresholds[:, :-1].astype(np.int64) + layer.threshold_offsets[:, None, None]
    limits = -(-thresholds >> step_bits)
    clamped = np.where(thresholds <= formats.drive_max, top + 1, top + 2)
    factors = layer.gains.astype(np.int64) >> layer.shift + step_bits
    return DirectLayer(
        step_bits=step_bits,
        drive_bits=drive_bits,
        membrane_bits=formats.membrane_bits - formats.membrane_fraction,
        rest=layer.rest >> formats.membrane_fraction,
        weights=layer.charges.astype(np.int64) * factors,
        factors=factors,
        offsets=layer.offsets >> layer.shift + step_bits,
        membranes=surfaces[..., knots] >> formats.membrane_fraction,
        limits=np.where(limits <= top, np.maximum(limits, 0), clamped),
    )


def _step_bits(layer: Layer, formats: Formats, where: str) -> int:
    """The logarithm of the drive codes between two drives."""
    if (layer.gains & (layer.gains - 1)).any() or not layer.gains.all():
        raise CaptwinError(f"{where}.gains: a real-time core takes powers of two alone; {_ADVICE}")
    step = drive_step(layer, formats)
    if step < 1 << formats.drive_fraction:
        raise CaptwinError(f"{where}.gains: its drives lie between knots of the tables; {_ADVICE}")
    return min(step.bit_length(), formats.drive_bits) - 1
