"""`bernoulli`: a pixel spikes by chance, more often the brighter it is; the chance is a shift register's."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_BITS, STRICT
from captwin.hw.encoders.phase_and_seed import PhaseAndSeed
from captwin.hw.lfsr import LFSR_BITS, bits_after, lfsr_numbers, shift_register

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords


@dataclass(frozen=True, config=STRICT)
class Bernoulli(PhaseAndSeed):
    """A pixel spikes where it is above the next eight bits of a linear feedback shift register.

    Every image sees the same numbers, one for each time step and pixel.

    Attributes
    ----------
    seed : int, 1 to 2**32 - 1
        First state of the register.
    """

    kind: Literal["bernoulli"] = "bernoulli"

    GATE_SETTINGS: ClassVar = {"seed": LFSR_BITS}

    def spikes(self, pixels: Any, step: int) -> Any:
        numbers = random_numbers(self.seed, self.steps, pixels.shape[-1])[step]
        return pixels > (numbers if isinstance(pixels, np.ndarray) else pixels.new_tensor(numbers))

    def shared_gates(self, words: "PixelWords") -> None:
        """The register: each word of pixels takes 8 bits a lane from it, all of them in one cycle."""
        lanes = words.lanes
        valid, last, end = (words.control[name, words.FIRST_STAGE] for name in ("valid", "last", "end"))
        state = shift_register(
            words.m,
            words.settings.seed,
            take=valid,
            bits=PIXEL_BITS * lanes,
            last=last,
            last_bits=PIXEL_BITS * words.last_word_pixels,
            restart=end,
        )
        numbers = [bits_after(state, PIXEL_BITS * n, PIXEL_BITS) for n in range(lanes)]
        for lane, number in enumerate(numbers):
            words.pipe[f"limit{lane}_", words.FIRST_STAGE] = number

    def gates(self, words: "PixelWords", lane: int, stage: int) -> Any:
        return words.pipe[f"pixel{lane}", stage] > words.pipe[f"limit{lane}_", stage]

    def padding_obstacle(self, pixels: int, room: int) -> str | None:
        if pixels == room:
            return None
        return f"{pixels} pixels get other random numbers than the device's {room}"


@lru_cache(maxsize=8)
def random_numbers(seed: int, steps: int, pixels: int) -> np.ndarray:
    """(steps, pixels) uint8: the numbers that pixels are compared with, eight bits of the register each."""
    numbers = lfsr_numbers(seed, steps * pixels, PIXEL_BITS).astype(np.uint8)
    numbers.setflags(write=False)
    return numbers.reshape(steps, pixels)
