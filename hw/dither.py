"""Dither: numbers from a shift register that are added to the drives of a layer, and do what noise does.

``docs/arithmetic.md`` has the formulas, in the same letters.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from captwin.hw.lfsr import LFSR_BITS, lfsr_numbers

if TYPE_CHECKING:  # a layer has dither, so this cannot import it
    from captwin.hw.chip import Layer

#: a number is the sum of PARTS numbers of PART_BITS random bits each, less CENTRE: -CENTRE to CENTRE
PARTS, PART_BITS = 4, 4
NUMBER_BITS = PARTS * PART_BITS
CENTRE = PARTS * ((1 << PART_BITS) - 1) // 2
#: its standard deviation
SPREAD = sqrt(PARTS * ((1 << 2 * PART_BITS) - 1) / 12)
#: bits of the greatest amplitude; whether it fits a layer is :func:`amplitude_bits`'s to say
_MOST_BITS = 40


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Dither:
    """The dither of a layer; every image sees the same numbers, one for each time step and neuron."""

    #: first state of the layer's shift register
    seed: Annotated[int, Field(ge=1, lt=1 << LFSR_BITS)]
    #: A: what a number is multiplied by; a unit of the product is 2^-k drive codes
    amplitude: Annotated[int, Field(ge=0, lt=1 << _MOST_BITS)]

    def rescaled(self, places: int) -> "Dither":
        """The same for a layer whose ``shift`` is greater by ``places``, or less if that is negative."""
        return Dither(self.seed, self.amplitude << places if places >= 0 else self.amplitude >> -places)

    def rms(self, shift: int) -> float:
        """Its standard deviation in drive codes, in a layer of this ``shift``."""
        return self.amplitude * SPREAD / (1 << shift)


#: dither that adds nothing, for a layer without on gates that have it
NONE = Dither(seed=1, amplitude=0)


def amplitude_bits(drive_bits: int, shift: int) -> int:
    """Bits of an amplitude in a layer: with them no product reaches what all drives span."""
    return drive_bits + shift - (CENTRE.bit_length())


def step_offsets(layer: "Layer", steps: int) -> np.ndarray:
    """(steps, columns) int64: what is added to each scaled sum in each time step: offsets and dither."""
    if layer.dither is None:
        return np.broadcast_to(layer.offsets, (steps, layer.columns))
    numbers = dither_numbers(layer.dither.seed, steps, layer.columns)
    return np.asarray(layer.offsets + layer.dither.amplitude * numbers)


@lru_cache(maxsize=8)
def dither_numbers(seed: int, steps: int, columns: int) -> np.ndarray:
    """(steps, columns) int64: the numbers z of the neurons, -CENTRE to CENTRE."""
    words = lfsr_numbers(seed, steps * columns, NUMBER_BITS)
    parts = [words >> PART_BITS * part & (1 << PART_BITS) - 1 for part in range(PARTS)]
    numbers = np.sum(parts, axis=0).reshape(steps, columns) - CENTRE
    numbers.setflags(write=False)
    return np.asarray(numbers)


def settings(layers: Sequence["Layer"], drive_bits: int) -> tuple[dict[str, int], list[dict[str, int]]]:
    """In gates: the bits of each setting that dither needs, enough for all ``layers``, and each layer's; no settings
    where there is none."""
    if layers[0].dither is None:
        return {}, [{} for _ in layers]
    widths = {"seed": LFSR_BITS, "amplitude": max(amplitude_bits(drive_bits, layer.shift) for layer in layers)}
    return widths, [{name: getattr(layer.dither, name) for name in widths} for layer in layers]


def times(number: Any, amplitude: int) -> Any:
    """In gates: the signed ``number`` times a constant amplitude."""
    places = max((amplitude & -amplitude).bit_length() - 1, 0)
    return (number * (amplitude >> places)).shift_left(places)


def summed(word: Any) -> Any:
    """In gates: the number z that the NUMBER_BITS bits of ``word`` make."""
    low, high = (
        word.word_select(pair, PART_BITS) + word.word_select(pair + 1, PART_BITS) for pair in range(0, PARTS, 2)
    )
    return low + high - CENTRE
