"""A core with AXI4-Stream ports, to be part of larger designs."""

from amaranth import ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import PIXEL_BITS
from captwin.hw.gates.core import Core
from captwin.hw.link.packing import packed
from captwin.hw.link.protocol import answer_parts, size

#: bits of a beat of answers
WORD_BITS = 32


class AxiStreamCore(wiring.Component):
    """``core`` between two AXI4-Streams, with the signal names of ARM IHI 0051: clock ``aclk``, reset ``aresetn``.

    * ``s_axis``: images, ``core.options.pixel_lanes`` bytes a beat, first pixel in the lowest. ``tlast`` must come with
      the last beat of each image.
    * ``m_axis``: an answer for each image, in words of 4 bytes, the first one lowest, with ``tlast`` and ``tkeep`` at
      its end: label, steps, cycles (4 bytes), spikes of each class, membrane code of each class (2 bytes).
    * ``misaligned`` (out): goes high, and stays, when a ``tlast`` is missing or comes with another beat.

    Throughput: an answer takes a cycle for each of its words, while the core goes on. Latency: the core's, and 1 cycle.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.parts = answer_parts(core.chip.classes)
        self.words = -(-size(self.parts) * 8 // WORD_BITS)
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "s_axis_tdata": In(PIXEL_BITS * core.options.pixel_lanes),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(WORD_BITS),
                "m_axis_tkeep": Out(WORD_BITS // 8),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "misaligned": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        m.submodules.core = core = self.core

        beats = -(-core.chip.pixels // core.options.pixel_lanes)
        beat = Signal(range(max(beats, 2)))
        last = beat == beats - 1
        m.d.comb += [
            Value.cast(core.pixels.payload).eq(self.s_axis_tdata),
            core.pixels.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(core.pixels.ready),
        ]
        with m.If(self.s_axis_tvalid & self.s_axis_tready):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
            with m.If(self.s_axis_tlast != last):
                m.d.sync += self.misaligned.eq(1)

        left = Signal(range(self.words + 1))
        rest = Signal(self.words * WORD_BITS)
        full = (1 << WORD_BITS // 8) - 1
        m.d.comb += [
            core.result.ready.eq(left == 0),
            self.m_axis_tdata.eq(rest),
            self.m_axis_tvalid.eq(left != 0),
            self.m_axis_tlast.eq(left == 1),
            self.m_axis_tkeep.eq(Mux(self.m_axis_tlast, full >> -size(self.parts) % (WORD_BITS // 8), full)),
        ]
        with m.If(core.result.valid & core.result.ready):
            m.d.sync += [rest.eq(packed(core.result.payload, self.parts)), left.eq(self.words)]
        with m.Elif(self.m_axis_tvalid & self.m_axis_tready):
            m.d.sync += [rest.eq(rest >> WORD_BITS), left.eq(left - 1)]
        return m
