"""The trace streams of a core as bodies of replies to TRACE."""

from typing import Any

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.gates.core import Core
from captwin.hw.link.line.frames import token
from captwin.hw.link.packing import packed
from captwin.hw.link.protocol import TRACE_HEAD, size, trace_parts


class TraceWords(wiring.Component):
    """Turns the words of the trace streams of ``core`` into bytes. The core waits until a word has been taken.

    * ``trace0``, ``trace1``, ... (in): the trace streams.
    * ``send`` (in): words are sent while it is high, and discarded while it is low.
    * ``restart`` (in): numbers the words from 0 again.
    * ``bytes`` (out): for each word the body of a reply to TRACE (`docs/protocol.md`), one byte a beat.
    """

    def __init__(self, core: Core) -> None:
        layers = len(core.chip.layers)
        self._lanes = core.layers.word_lanes(core.options, core.chip.sizes)
        traces: dict[str, Any] = {f"trace{n}": In(getattr(core, f"trace{n}").signature) for n in range(layers)}
        super().__init__(
            {"send": In(1), "restart": In(1), "bytes": Out(stream.Signature(token()))} | traces,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = [trace_parts(lanes) for lanes in self._lanes]
        sizes = [TRACE_HEAD + size(layer_parts) for layer_parts in parts]
        number = Signal(16)
        word = Signal(8 * max(sizes))
        left = Signal(range(max(sizes) + 1))
        out = self.bytes
        m.d.comb += [
            out.valid.eq(left != 0),
            out.payload.data.eq(word[:8]),
            out.payload.last.eq(left == 1),
        ]
        with m.If(out.valid & out.ready):
            m.d.sync += [word.eq(word[8:]), left.eq(left - 1)]
        free = Signal()
        m.d.comb += free.eq(self.send & (left == 0))
        for layer, length in enumerate(sizes):  # later layers first, since they hold up those before
            trace = getattr(self, f"trace{layer}")
            later = Cat(getattr(self, f"trace{n}").valid for n in range(layer + 1, len(sizes)))
            turn = Signal(name=f"turn{layer}")
            m.d.comb += [turn.eq(free & ~later.any()), trace.ready.eq(turn | ~self.send)]
            with m.If(turn & trace.valid):
                m.d.sync += [
                    word.eq(Cat(number, Const(layer, 8), packed(trace.payload, parts[layer]))),
                    left.eq(length),
                    number.eq(number + 1),
                ]
        with m.If(self.restart):
            m.d.sync += number.eq(0)
        return m


class TraceRequest:
    """The trace that is being sent, if ``on`` is high: the ``words`` of the core, and the ``tag`` of the request."""

    def __init__(self, m: Module, core: Core) -> None:
        self._m = m
        self.on, self.tag = Signal(), Signal(16)
        self.words = TraceWords(core)

    def begin(self, tag: Value) -> None:
        """Part of a state: words are sent from now on, numbered from 0."""
        self._m.d.comb += self.words.restart.eq(1)
        self._m.d.sync += [self.on.eq(1), self.tag.eq(tag)]
