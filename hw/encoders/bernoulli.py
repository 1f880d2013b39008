"""`bernoulli`: a pixel spikes by chance, more often the brighter it is; the chance is a shift register's."""

from functools import lru_cache, reduce
from operator import xor
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_BITS, STRICT
from captwin.hw.encoders.phase_and_seed import SEED_BITS, PhaseAndSeed

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords

LFSR_BITS = SEED_BITS
#: Recurrence of the register's bits: b[n+32] is the XOR of b[n+q] for q in this tuple (a maximal-length LFSR).
LFSR_TAPS = (0, 1, 2, 22)


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
        from amaranth import Cat, Signal  # here, since chips are read without an HDL

        m, lanes = words.m, words.lanes
        advance, last_word, restart = (words.control[name, words.FIRST_STAGE] for name in ("valid", "last", "end"))
        state = Signal(LFSR_BITS)
        seeded = Signal()  # high from the cycle after a reset on
        bits = _bits_as_masks(PIXEL_BITS * lanes + LFSR_BITS)

        def window(start: int, width: int) -> Any:
            return Cat(_parity(state, mask) for mask in bits[start : start + width])

        with m.If(advance):
            m.d.sync += state.eq(window(PIXEL_BITS * lanes, LFSR_BITS))
            with m.If(last_word):
                m.d.sync += state.eq(window(PIXEL_BITS * words.last_word_pixels, LFSR_BITS))
        m.d.sync += seeded.eq(1)
        with m.If(~seeded | (advance & restart)):
            m.d.sync += state.eq(words.settings.seed)
        numbers = [window(PIXEL_BITS * n, PIXEL_BITS) for n in range(lanes)]
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
    count = steps * pixels
    bits = np.zeros(max(count * PIXEL_BITS, LFSR_BITS), dtype=np.uint8)
    bits[:LFSR_BITS] = [seed >> q & 1 for q in range(LFSR_BITS)]
    block = LFSR_BITS - max(LFSR_TAPS)  # so many new bits depend on known ones only
    for start in range(LFSR_BITS, len(bits), block):
        stop = min(start + block, len(bits))
        for tap in LFSR_TAPS:
            bits[start:stop] ^= bits[start - LFSR_BITS + tap : stop - LFSR_BITS + tap]
    octets = bits[: count * PIXEL_BITS].reshape(count, PIXEL_BITS)
    numbers = (octets << np.arange(PIXEL_BITS, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
    numbers.setflags(write=False)
    return numbers.reshape(steps, pixels)


def _bits_as_masks(count: int) -> list[int]:
    """The next ``count`` bits of the register, or more, each as the set of the state's bits whose XOR it is."""
    bits = [1 << q for q in range(LFSR_BITS)]
    while len(bits) < count:
        bits.append(reduce(xor, (bits[len(bits) - LFSR_BITS + tap] for tap in LFSR_TAPS)))
    return bits


def _parity(state: Any, mask: int) -> Any:
    """XOR of the bits of the Amaranth value ``state`` that ``mask`` has."""
    from amaranth import Const  # here, since chips are read without an HDL

    return reduce(xor, (state[q] for q in range(len(state)) if mask >> q & 1), Const(0, 1))
