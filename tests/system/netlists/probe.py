"""A core between few pins: for proofs on what place and route, or a bitstream, made of it."""

from amaranth import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.gates.core import Core

BYTE = 8


class Probe(wiring.Component):
    """A core whose answers leave byte by byte, the lowest bits of ``core.result`` first; ``last`` marks their end.

    ``layout`` is that of the answer's bits.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.layout = core.result.payload.shape()
        self.beats = -(-self.layout.size // BYTE)
        super().__init__(
            {
                "pixels": In(core.pixels.signature.flip()),
                "answer": Out(stream.Signature(BYTE)),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = self.core
        wiring.connect(m, wiring.flipped(self.pixels), core.pixels)
        rest = Signal(self.beats * BYTE)
        left = Signal(range(self.beats + 1))
        moved = Signal()
        m.d.comb += [
            core.result.ready.eq(left == 0),
            self.answer.payload.eq(rest[:BYTE]),
            self.answer.valid.eq(left != 0),
            self.last.eq(left == 1),
            moved.eq(self.answer.valid & self.answer.ready),
        ]
        with m.If(core.result.valid & core.result.ready):
            m.d.sync += [rest.eq(Value.cast(core.result.payload)), left.eq(self.beats)]
        with m.Elif(moved):
            m.d.sync += [rest.eq(rest >> BYTE), left.eq(left - 1)]
        return m
