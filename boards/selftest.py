"""The built-in test of a board without the host link: one image, over and over, each answer compared with golden's."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import PIXEL_BITS
from hw.core import Core
from hw.link.selftest import Expected


class DirectTest(wiring.Component):
    """Sends the image to a core again and again and watches the answers.

    ``label`` is the class of the latest answer; ``passed`` says that there was an answer and all of them, counts and
    membranes included, were as expected; ``failed`` that one was not.
    """

    def __init__(self, core: Core, expected: Expected) -> None:
        self.core = core
        self.expected = expected
        answer = core.result.payload.shape()
        super().__init__(
            {
                "pixels": Out(core.pixels.signature.flip()),
                "result": In(core.result.signature),
                "label": Out(answer["label"].shape),
                "passed": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self.core.options.pixel_lanes
        image = [int(code) for code in self.expected.pixels]
        words = [
            sum(code << PIXEL_BITS * n for n, code in enumerate(image[start : start + lanes]))
            for start in range(0, len(image), lanes)
        ]
        m.submodules.image = store = memory.Memory(shape=unsigned(PIXEL_BITS * lanes), depth=len(words), init=words)
        port = store.read_port()
        word = Signal(range(max(len(words), 2)))
        sent = Signal()
        m.d.comb += [
            port.addr.eq(word),
            Value.cast(self.pixels.payload).eq(port.data),
            sent.eq(self.pixels.valid & self.pixels.ready),
            self.result.ready.eq(1),
        ]
        # A word every other cycle is enough, and whoever takes it need not reach all of its bits.
        m.d.sync += self.pixels.valid.eq(~sent)
        with m.If(sent):
            m.d.sync += word.eq(Mux(word == len(words) - 1, 0, word + 1))

        # The comparison takes two stages, so that it is no obstacle to the clock.
        answer = self.result.payload
        wanted = [(answer.label, self.expected.label)]
        wanted += list(zip(answer.counts, self.expected.counts, strict=True))
        wanted += list(zip(answer.membranes, self.expected.membranes, strict=True))
        answered = Signal()
        differs = Signal(len(wanted))
        m.d.sync += [
            answered.eq(self.result.valid),
            differs.eq(Cat(got != Const(value, len(got)) for got, value in wanted)),
        ]
        with m.If(self.result.valid):
            m.d.sync += self.label.eq(answer.label)
        with m.If(answered):
            m.d.sync += [self.failed.eq(self.failed | differs.any()), self.passed.eq(~self.failed & ~differs.any())]
        return m
