"""What the kinds `rate`, `latency` and `bernoulli` have in common: their settings in a chip file."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_MAX, STRICT, Encoder
from captwin.hw.lfsr import LFSR_BITS

SEED_BITS = LFSR_BITS


@dataclass(frozen=True, config=STRICT)
class PhaseAndSeed(Encoder):
    """An encoder that a chip file gives both settings, whether its kind needs them or not.

    Chip files of version 2 have always held both, and the build id is a hash of them. A new kind has its own settings
    alone and derives from :class:`Encoder`.

    Attributes
    ----------
    phase : int, 0 to 255
        Start of the phase accumulator of `rate`, in pixel codes.
    seed : int, 1 to 2**32 - 1
        First state of the shift register of `bernoulli`.
    """

    phase: Annotated[int, Field(ge=0, le=PIXEL_MAX)] = 128
    seed: Annotated[int, Field(ge=1, lt=1 << SEED_BITS)] = 1
