"""The linear feedback shift register that encoders and dither take their random bits from."""

from functools import reduce
from operator import xor
from typing import Any

import numpy as np

LFSR_BITS = 32
#: Recurrence of the register's bits: b[n+32] is the XOR of b[n+q] for q in this tuple (a maximal-length LFSR).
LFSR_TAPS = (0, 1, 2, 22)


def lfsr_numbers(seed: int, count: int, width: int) -> np.ndarray:
    """(count,) int64: the first ``count`` numbers of ``width`` bits from the register that begins with ``seed``."""
    bits = np.zeros(max(count * width, LFSR_BITS), dtype=np.uint8)
    bits[:LFSR_BITS] = [seed >> q & 1 for q in range(LFSR_BITS)]
    block = LFSR_BITS - max(LFSR_TAPS)  # so many new bits depend on known ones only
    for start in range(LFSR_BITS, len(bits), block):
        stop = min(start + block, len(bits))
        for tap in LFSR_TAPS:
            bits[start:stop] ^= bits[start - LFSR_BITS + tap : stop - LFSR_BITS + tap]
    return bits[: count * width].reshape(count, width) @ (1 << np.arange(width, dtype=np.int64))


def shift_register(m: Any, seed: Any, *, take: Any, bits: int, last: Any, last_bits: int, restart: Any) -> Any:
    """In gates: the register's state, whose lowest bit is the next one; added to the Amaranth module ``m``.

    In each cycle of ``take`` it moves on by ``bits``, with ``last`` by ``last_bits``, and with ``restart`` too it
    begins anew with ``seed``, as it does in the cycle after a reset.
    """
    from amaranth import Signal  # here, since chips are read without an HDL

    state = Signal(LFSR_BITS, name="state")
    seeded = Signal(name="seeded")  # high from the cycle after a reset on
    with m.If(take):
        m.d.sync += state.eq(bits_after(state, bits, LFSR_BITS))
        with m.If(last):
            m.d.sync += state.eq(bits_after(state, last_bits, LFSR_BITS))
    m.d.sync += seeded.eq(1)
    with m.If(~seeded | (take & restart)):
        m.d.sync += state.eq(seed)
    return state


def bits_after(state: Any, start: int, width: int) -> Any:
    """In gates: ``width`` bits of the register whose next LFSR_BITS bits are in ``state``, after ``start`` of them."""
    from amaranth import Cat  # here, since chips are read without an HDL

    return Cat(_parity(state, mask) for mask in _bits_as_masks(start + width)[start : start + width])


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
