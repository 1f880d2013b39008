"""Wide shift registers. Each part of them is moved by a register of its own, since one net would not reach all bits in
time."""

from amaranth import Cat, Const, Module, Signal, Value

from captwin.hw.chip import PIXEL_BITS
from captwin.hw.gates.core import COUNTER_BITS
from captwin.hw.gates.streams import COPY

#: bits of a beat that one register shifts
REACH = 64


def beat_of_pixels(m: Module, lanes: int, shift: Value, pixel: Value) -> Value:
    """A beat of ``lanes`` pixels that are shifted in, the latest highest, two cycles after ``shift``."""
    latest = Signal(PIXEL_BITS, reset_less=True)
    m.d.sync += latest.eq(pixel)
    beat = Signal(PIXEL_BITS * lanes, reset_less=True)
    following = Cat(beat[PIXEL_BITS:], latest)
    for start in range(0, len(beat), REACH):
        own = Signal(name=f"shift{start}", reset_less=True, attrs=COPY)
        part = slice(start, start + REACH)
        m.d.sync += own.eq(shift)
        with m.If(own):
            m.d.sync += beat[part].eq(following[part])
    return beat


class CountersShift:
    """Holds ``totals``, counters of one moment, and gives them byte by byte.

    ``capture`` takes them, effective a cycle later; ``advance`` moves the next byte into ``byte``, effective two cycles
    later.
    """

    def __init__(self, m: Module, totals: Value, capture: Value) -> None:
        kept, advance = Signal(len(totals), reset_less=True), Signal()
        following = Cat(kept[8:], Const(0, 8))
        for start in range(0, len(totals), COUNTER_BITS):
            own_capture = Signal(name=f"capture{start}", reset_less=True, attrs=COPY)
            own_advance = Signal(name=f"advance{start}", reset_less=True, attrs=COPY)
            part = slice(start, start + COUNTER_BITS)
            m.d.sync += [own_capture.eq(capture), own_advance.eq(advance)]
            with m.If(own_capture):
                m.d.sync += kept[part].eq(totals[part])
            with m.Elif(own_advance):
                m.d.sync += kept[part].eq(following[part])
        m.d.sync += advance.eq(0)
        self.byte = kept[:8]
        self.advance = advance
