"""The part of the host link that sends replies."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, memory

from captwin.hw.link.about import IdentifyText
from captwin.hw.link.exchange import Exchange
from captwin.hw.link.loading.requests import LoadRequests
from captwin.hw.link.packing import packed
from captwin.hw.link.protocol import REPLY, REPLY_HEAD, Command, Status, answer_parts, counters_parts
from captwin.hw.link.shift_registers import CountersShift
from captwin.hw.link.trace_words import TraceRequest


class IdentifyBytes:
    """The bytes of the reply to IDENTIFY: the ``fixed`` ones, then those of the chip, then the closing brace."""

    def __init__(self, text: IdentifyText, fixed: memory.Memory, loading: LoadRequests | None) -> None:
        self.length = len(text.fixed) + (len(text.chip) + 1 if loading else 0)
        self._text, self._loading = text, loading
        read = fixed.read_port()
        self._read = read

    def at(self, m: Module, place: Value) -> None:
        """Says which byte is wanted."""
        m.d.comb += self._read.addr.eq(place)

    def byte(self, m: Module, place: Value, ends: Value) -> Value:
        """The byte at ``place``, a cycle later; ``ends`` says then whether it is the last. Spaces stand for a chip that
        is not known."""
        if not self._loading:
            return self._read.data
        chip = self._loading.description.read_port()
        in_chip = Signal()
        bits = len(self._text.chip).bit_length()
        m.d.comb += chip.addr.eq(place[:bits])
        m.d.sync += in_chip.eq((place >> bits) == len(self._text.fixed) >> bits)
        known = Mux(self._loading.known, chip.data, ord(" "))
        return Mux(in_chip, Mux(ends, ord("}"), known), self._read.data)


class Replies:
    """The state machine that sends replies, added to the module of ``exchange``: answers first, then words of a trace,
    then the replies that requests wait for.

    Every reply has a head. The body of an answer, and of counters and IDENTIFY, is counted by ``place``; that of
    LOOPBACK comes from the request, and that of a trace from ``tracing``. Throughput: a byte every third cycle.
    """

    def __init__(self, exchange: Exchange, identity: IdentifyBytes, tracing: TraceRequest | None) -> None:
        self._exchange, self._tracing = exchange, tracing
        m, ports, core = exchange.m, exchange.ports, exchange.core
        answer = packed(ports.result.payload, answer_parts(core.chip.classes))
        totals = packed(ports.counters, counters_parts(len(core.chip.layers)))
        self._counters = CountersShift(m, totals, exchange.idle)
        self._counters_start = counters_start = len(answer) // 8
        total = (len(answer) + len(totals)) // 8

        self._head = Signal(data.StructLayout({"command": 8, "tag": 16, "status": 8}), name="head")
        self._answering = Signal(name="answering")
        self._place = place = Signal(range(max(REPLY_HEAD, total, identity.length)), name="place")
        self._byte, self._last = Signal(8), Signal(name="last")
        # The byte of the answer at place, and whether place is the last: both a cycle later.
        self._picked, self._ends = Signal(8, reset_less=True), Signal(name="ends")
        self._loops, self._identifies, self._has_body = Signal(), Signal(), Signal(name="has_body")
        self._traces = Signal(name="traced")
        identity.at(m, place)
        m.d.sync += [
            self._picked.eq(answer.word_select(place[: (counters_start - 1).bit_length()], 8)),
            self._ends.eq(place == Mux(self._identifies, identity.length - 1, total - 1)),
        ]
        identity_byte = identity.byte(m, place, self._ends)
        with m.FSM():
            self._idle_state()
            self._head_state()
            if tracing:
                self._trace_state(tracing)
            self._body_states(identity_byte)
            self._byte_state()
            with m.State("over"):
                m.d.comb += [
                    ports.result.ready.eq(self._answering),
                    exchange.told.eq(~self._answering & ~self._traces if tracing else ~self._answering),
                ]
                m.next = "idle"

    def _idle_state(self) -> None:
        exchange, tracing = self._exchange, self._tracing
        m, tags = exchange.m, exchange.tags
        with m.State("idle"):
            m.d.comb += exchange.idle.eq(1)
            m.d.sync += self._place.eq(0)
            if tracing:
                m.d.sync += self._traces.eq(0)
            with m.If(exchange.ports.result.valid & tags.r_rdy & ~exchange.hold):
                m.d.comb += tags.r_en.eq(1)
                self._begin_answer()
            if tracing:
                with m.Elif(tracing.words.bytes.valid & ~exchange.hold):
                    self._begin_trace(tracing)
            with m.Elif(exchange.asked):
                self._begin_reply()

    def _begin_answer(self) -> None:
        m, head = self._exchange.m, self._head
        m.d.sync += [
            self._answering.eq(1),
            self._loops.eq(0),
            self._identifies.eq(0),
            self._has_body.eq(1),
            head.command.eq(Command.INFER | REPLY),
            head.tag.eq(self._exchange.tags.r_data),
            head.status.eq(Status.OK),
        ]
        m.next = "head"

    def _begin_trace(self, tracing: TraceRequest) -> None:
        m, head = self._exchange.m, self._head
        m.d.sync += [
            self._answering.eq(0),
            self._traces.eq(1),
            self._has_body.eq(1),
            head.command.eq(Command.TRACE | REPLY),
            head.tag.eq(tracing.tag),
            head.status.eq(Status.OK),
        ]
        m.next = "head"

    def _begin_reply(self) -> None:
        """A reply that a request waits for."""
        exchange, head = self._exchange, self._head
        m, job = exchange.m, exchange.job
        plain = (job.command == Command.RESET) | (job.command == Command.WRITE)
        if exchange.core.options.loadable:
            plain |= job.command == Command.PROVE
        m.d.sync += [
            self._answering.eq(0),
            self._loops.eq(job.command == Command.LOOPBACK),
            self._identifies.eq(job.command == Command.IDENTIFY),
            self._has_body.eq((job.status == Status.OK) & ~plain & ((job.command != Command.LOOPBACK) | exchange.more)),
            head.command.eq(job.command | REPLY),
            head.tag.eq(job.tag),
            head.status.eq(job.status),
        ]
        m.next = "head"

    def _head_state(self) -> None:
        m, out, place = self._exchange.m, self._exchange.ports.replies, self._place
        with m.State("head"):
            m.d.comb += [
                out.valid.eq(1),
                out.payload.data.eq(Value.cast(self._head).word_select(place[:2], 8)),
                out.payload.last.eq((place == REPLY_HEAD - 1) & ~self._has_body),
            ]
            with m.If(out.ready):
                m.d.sync += place.eq(place + 1)
                with m.If(place == REPLY_HEAD - 1):
                    m.d.sync += place.eq(Mux(self._answering | self._identifies, 0, self._counters_start))
                    m.next = "body"
                    if self._tracing:
                        with m.If(self._traces):
                            m.next = "trace"
                    with m.If(~self._has_body):
                        m.next = "over"

    def _trace_state(self, tracing: TraceRequest) -> None:
        m, words = self._exchange.m, tracing.words.bytes
        with m.State("trace"):
            m.d.comb += words.ready.eq(1)
            m.d.sync += [self._byte.eq(words.payload.data), self._last.eq(words.payload.last)]
            with m.If(words.valid):
                m.next = "byte"

    def _body_states(self, identity_byte: Value) -> None:
        """Takes the next byte of the body from where it comes."""
        exchange, place = self._exchange, self._place
        m, echo = exchange.m, exchange.echo
        with m.State("body"):
            # An echoed byte is registered, too: requests must not wait for whoever takes replies in the same cycle.
            m.d.comb += echo.ready.eq(self._loops)
            m.d.sync += [self._byte.eq(echo.payload.data), self._last.eq(echo.payload.last)]
            with m.If(~self._loops):
                m.next = "read"
            with m.Elif(echo.valid):
                m.next = "byte"
        with m.State("read"):
            m.d.sync += self._last.eq(self._ends)
            with m.If(self._identifies):
                m.d.sync += self._byte.eq(identity_byte)
            with m.Elif(place < self._counters_start):
                m.d.sync += self._byte.eq(self._picked)
            with m.Else():
                m.d.sync += [self._byte.eq(self._counters.byte), self._counters.advance.eq(1)]
            m.next = "byte"

    def _byte_state(self) -> None:
        """Sends a byte of the body."""
        m, out, place = self._exchange.m, self._exchange.ports.replies, self._place
        with m.State("byte"):
            m.d.comb += [
                out.valid.eq(1),
                out.payload.data.eq(self._byte),
                out.payload.last.eq(self._last),
            ]
            with m.If(out.ready):
                m.d.sync += place.eq(place + 1)
                m.next = "body"
                if self._tracing:
                    with m.If(self._traces):
                        m.next = "trace"
                with m.If(out.payload.last):
                    m.next = "over"
