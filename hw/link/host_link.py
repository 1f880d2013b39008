"""What a device does: takes requests, runs images through a core, replies."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import PIXEL_BITS
from captwin.hw.gates.core import COUNTER_BITS, Core
from captwin.hw.gates.stores import Contents, Stores, load_bus
from captwin.hw.gates.streams import COPY
from captwin.hw.link.frames import CRC_BYTES, call, token
from captwin.hw.link.loading import Loading
from captwin.hw.link.loading import place as place_of_words
from captwin.hw.link.packing import packed
from captwin.hw.link.protocol import (
    ABOUT,
    LEAST_BODY,
    PROOF,
    REPLY,
    REPLY_HEAD,
    REQUEST_HEAD,
    WRITE_HEAD,
    Command,
    Status,
    answer_parts,
    counters_parts,
)
from captwin.hw.link.trace_words import TraceWords

#: cycles that a reset of the core lasts
RESET_CYCLES = 16
#: bits of a beat that are shifted by one register
REACH = 64


class HostLink(wiring.Component):
    """Does what requests ask for, as `docs/protocol.md` says.

    ``requests`` and ``replies`` are the contents of frames, a byte a beat; ``length`` holds as long as a request is
    offered, and is below ``capacity``. ``pixels``, ``result`` and ``counters`` belong to ``core``, which ``core_reset``
    resets. IDENTIFY is answered with ``about``. Up to ``core.IN_FLIGHT`` images may be under way; answers come in their
    order. Throughput: a byte a cycle in, a byte every third cycle out. TRACE is answered if ``core`` has trace streams,
    which ``trace0``, ... belong to.

    If ``core`` is loadable, IDENTIFY is answered with ``about``, ``chip`` (spaces unless the chip is known) and a
    closing brace; WRITE changes ``chip`` and what the core has in memory, and stops the core until PROVE or RESET finds
    that the chip is known. ``calls`` are requests that overtake others: RESET makes those before it forgotten, by
    ``forget`` too, and IDENTIFY is answered though an image waits for the core. Both are those of
    :class:`FrameReceiver`.
    """

    def __init__(self, core: Core, about: bytes, chip: bytes = b"") -> None:
        self.core = core
        self.about, self.chip = about, chip
        if core.options.loadable:  # so that the chip begins at a multiple of what it takes
            self.about = about.ljust(-(-len(about) // (len(chip) + 1)) * (len(chip) + 1))
        need = REQUEST_HEAD + max(core.chip.pixels, LEAST_BODY) + CRC_BYTES
        self.capacity = 1 << (need - 1).bit_length()
        super().__init__(
            {
                "requests": In(stream.Signature(token())),
                "length": In(range(self.capacity)),
                "replies": Out(stream.Signature(token())),
                "pixels": Out(core.pixels.signature.flip()),
                "result": In(core.result.signature),
                "counters": In(core.counters.shape()),
                "core_reset": Out(1),
            }
            | self._load_ports()
            | self._trace_ports()
        )

    def _load_ports(self) -> dict[str, Any]:
        if not self.core.options.loadable:
            return {}
        return {"load": Out(load_bus()), "calls": In(stream.Signature(call())), "forget": Out(1)}

    def _trace_ports(self) -> dict[str, Any]:
        names = [f"trace{n}" for n in range(len(self.core.chip.layers))] if self.core.options.trace else []
        return {name: In(getattr(self.core, name).signature) for name in names}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tags = fifo.SyncFIFOBuffered(width=16, depth=self.core.IN_FLIGHT)
        m.submodules.tags = ResetInserter(self.core_reset)(tags)
        # From requests to replies: something that is not an answer.
        self._job = Signal(data.StructLayout({"command": 8, "tag": 16, "status": 8}))
        self._asked, self._told = Signal(), Signal()
        self._hold = Signal()  # no answer may begin
        self._idle = Signal()
        self._more = Signal()  # the request has bytes left
        self._echo = stream.Signature(token()).create()
        if self.core.options.loadable:
            text = Stores(m, [Contents("text", 8, self.about)])
            self._about = text.memory("text", attrs={"ram_style": "block"})  # a loadable core has few LUTs left
            self._connect_loading(m)
        else:
            self._about = Stores(m, [Contents("about", 8, self.about)]).memory("about")
        if self.core.options.trace:
            self._tracing, self._trace_tag = Signal(), Signal(16)
            self._trace = TraceWords(self.core)
            m.submodules.trace = ResetInserter(self.core_reset)(self._trace)
            for name in self._trace_ports():
                wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(self._trace, name))
            m.d.comb += self._trace.send.eq(self._tracing)
        self._take(m, tags)
        self._reply(m, tags)
        return m

    def _connect_loading(self, m: Module) -> None:
        """What writes words and judges whether they may be written."""
        chip = Contents("chip", 8, self.chip)
        self._chip = Stores(m, [chip], self.load, ABOUT).memory("chip")
        m.submodules.loading = self._loading = Loading([*self.core.contents, chip], self.capacity - 1)
        self._where = Signal(place_of_words())
        self._bus = Signal(load_bus())
        byte = self.requests.payload.data
        m.d.comb += [
            self._bus.byte.eq(byte),
            self._bus.store.eq(self._where.store),
            self._bus.address.eq(self._where.address),
            self._loading.where.eq(self._where),
            self._loading.first.eq(byte),
            self._loading.byte.eq(byte),
            self.core_reset.eq(~self._loading.known),
        ]
        m.d.sync += self.load.eq(self._bus)

    def _take(self, m: Module, tags: fifo.SyncFIFOBuffered) -> None:
        """Takes requests apart, and carries them out or has them replied to."""
        frames, job = self.requests, self._job
        came = frames.valid & frames.ready
        byte, last = frames.payload.data, frames.payload.last
        lanes = self.core.options.pixel_lanes
        place = Signal(range(REQUEST_HEAD))
        body = Signal(range(self.capacity))
        lane = Signal(range(max(lanes, 2)))
        shift = Signal()
        fewer = [body.eq(body - 1), self._more.eq(body != 1)]
        wait = Signal(range(RESET_CYCLES))
        m.d.comb += [
            Value.cast(self.pixels.payload).eq(self._beat(m, shift, byte)),
            tags.w_data.eq(job.tag),
        ]
        with m.FSM():
            with m.State("head"):
                m.d.comb += frames.ready.eq(1)
                with m.If(came):
                    m.d.sync += [job.command.eq(job.tag[:8]), job.tag.eq(Cat(job.tag[8:], byte)), place.eq(place + 1)]
                    with m.If(place == 0):
                        m.d.sync += [body.eq(self.length - REQUEST_HEAD), self._more.eq(self.length != REQUEST_HEAD)]
                    with m.If(place == REQUEST_HEAD - 1):
                        m.d.sync += place.eq(0)
                        m.next = "dispatch"
                    with m.Elif(last):  # too short to be answered
                        m.d.sync += place.eq(0)
                if self.core.options.loadable:
                    with m.If(self.calls.valid & (place == 0)):
                        m.d.comb += frames.ready.eq(0)
                        self._take_call(m, "ask")
            with m.State("dispatch"):
                m.d.sync += job.status.eq(Status.OK)
                images = [Command.INFER]
                if self.core.options.trace:
                    images.append(Command.TRACE)
                    m.d.sync += self._tracing.eq(0)
                with m.Switch(job.command):
                    with m.Case(*images):
                        with m.If(body != self.core.chip.pixels):
                            m.d.sync += job.status.eq(Status.WRONG_LENGTH)
                            m.next = "skip"
                        if self.core.options.loadable:
                            with m.Elif(~self._loading.known):
                                m.d.sync += job.status.eq(Status.NO_CHIP)
                                m.next = "skip"
                        with m.Elif(tags.w_rdy):
                            m.d.comb += tags.w_en.eq(1)
                            m.next = "fill"
                            if self.core.options.trace:
                                with m.If(job.command == Command.TRACE):
                                    m.d.comb += self._trace.restart.eq(1)
                                    m.d.sync += [self._tracing.eq(1), self._trace_tag.eq(job.tag)]
                        if self.core.options.loadable:
                            with m.Elif(self.calls.valid & (self.calls.payload.command == Command.RESET)):
                                self._take_call(m, "reset")
                    with m.Case(Command.LOOPBACK):
                        m.next = "ask"
                    if self.core.options.loadable:
                        with m.Case(Command.WRITE):
                            m.next = "where"
                            with m.If(body <= WRITE_HEAD):
                                m.d.sync += job.status.eq(Status.WRONG_LENGTH)
                                m.next = "skip"
                        with m.Case(Command.PROVE):
                            m.next = "proof"
                            with m.If(body != PROOF):
                                m.d.sync += job.status.eq(Status.WRONG_LENGTH)
                                m.next = "skip"
                    with m.Case(Command.IDENTIFY, Command.COUNTERS, Command.RESET):
                        with m.If(self._more):
                            m.d.sync += job.status.eq(Status.WRONG_LENGTH)
                            m.next = "skip"
                        with m.Elif(job.command == Command.RESET):
                            m.next = "reset"
                        with m.Else():
                            m.next = "ask"
                    with m.Default():
                        m.d.sync += job.status.eq(Status.UNKNOWN_COMMAND)
                        m.next = "skip"
            with m.State("fill"):  # behind the last pixel with anything
                m.d.comb += frames.ready.eq(self._more)
                with m.If(came):
                    m.d.sync += fewer
                with m.If(came | ~self._more):
                    m.d.comb += shift.eq(1)
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(lane == lanes - 1):
                        m.d.sync += lane.eq(0)
                        m.next = "filled"
            with m.State("filled"):
                m.next = "send"
            with m.State("send"):
                m.d.comb += self.pixels.valid.eq(1)
                with m.If(self.pixels.ready):
                    m.next = "head"
                    with m.If(self._more):
                        m.next = "fill"
                if self.core.options.loadable:
                    with m.Elif(self.calls.valid):
                        m.next = "call"
            if self.core.options.loadable:
                with m.State("call"):  # of its own, since whether the core takes a beat is known late
                    self._take_call(m, "aside")
                with m.State("aside"):
                    m.d.comb += self._asked.eq(1)
                    with m.If(self._told):
                        m.next = "send"
                self._write_states(m, came, body, fewer, wait)
                self._prove_states(m, came, fewer)
            with m.State("skip"):
                m.d.comb += frames.ready.eq(self._more)
                with m.If(came):
                    m.d.sync += fewer
                with m.If(~self._more):
                    m.next = "ask"
            with m.State("reset"):
                self._reset_core(m)
                with m.If(self._idle):
                    m.d.sync += wait.eq(wait + 1)
                    with m.If(wait == RESET_CYCLES - 1):
                        m.d.sync += wait.eq(0)
                        if self.core.options.loadable:
                            m.d.comb += self._loading.restart.eq(1)
                        m.next = "ask"
            with m.State("ask"):
                m.d.comb += [
                    self._asked.eq(1),
                    self._echo.payload.eq(frames.payload),
                    self._echo.valid.eq(frames.valid & self._more),
                    frames.ready.eq(self._echo.ready & self._more),
                ]
                with m.If(came):
                    m.d.sync += fewer
                with m.If(self._told):
                    m.next = "head"

    def _reset_core(self, m: Module) -> None:
        """While nothing is being sent."""
        m.d.comb += self._hold.eq(1)
        if self.core.options.loadable:
            with m.If(self._idle):
                m.d.comb += self.core_reset.eq(1)
        else:
            m.d.comb += self.core_reset.eq(self._idle)

    def _take_call(self, m: Module, answer: str) -> None:
        """Takes an urgent request instead of the one whose turn it is; ``answer`` is the state in which IDENTIFY is
        answered."""
        calls, job = self.calls, self._job
        m.d.comb += calls.ready.eq(1)
        m.d.sync += [
            job.command.eq(calls.payload.command),
            job.tag.eq(calls.payload.tag),
            job.status.eq(Status.OK),
        ]
        if self.core.options.trace:
            m.d.sync += self._tracing.eq(0)
        m.next = answer
        if answer == "ask":
            m.d.sync += self._more.eq(0)
        with m.If(calls.payload.command == Command.RESET):
            m.d.comb += self.forget.eq(1)
            m.d.sync += self._more.eq(0)
            m.next = "reset"

    def _beat(self, m: Module, shift: Value, pixel: Value) -> Value:
        """Pixels that are shifted in, the latest highest, two cycles after ``shift``: it does not reach all of them."""
        latest = Signal(PIXEL_BITS, reset_less=True)
        m.d.sync += latest.eq(pixel)
        beat = Signal(PIXEL_BITS * self.core.options.pixel_lanes, reset_less=True)
        following = Cat(beat[PIXEL_BITS:], latest)
        for start in range(0, len(beat), REACH):
            own = Signal(name=f"shift{start}", reset_less=True, attrs=COPY)
            part = slice(start, start + REACH)
            m.d.sync += own.eq(shift)
            with m.If(own):
                m.d.sync += beat[part].eq(following[part])
        return beat

    def _write_states(self, m: Module, came: Value, body: Value, fewer: list[Any], wait: Signal) -> None:
        """States in which the words of a request are judged and then written, where its first bytes say."""
        byte, where, bus, loading = self.requests.payload.data, self._where, self._bus, self._loading
        left = Signal(8)  # bytes of the word
        place = Signal(range(WRITE_HEAD))
        with m.State("where"):
            m.d.comb += self.requests.ready.eq(1)
            with m.If(came):
                m.d.sync += [
                    Value.cast(where).eq(Cat(Value.cast(where)[8:], byte)),
                    left.eq(byte),
                    *fewer,
                    place.eq(place + 1),
                ]
                with m.If(place == WRITE_HEAD - 1):
                    m.d.sync += place.eq(0)
                    m.next = "judge"
        with m.State("judge"):  # as long as the first byte is offered
            m.d.comb += [loading.judge.eq(self.requests.valid), loading.length.eq(body)]
            with m.If(loading.decided):
                m.d.sync += self._job.status.eq(loading.status)
                m.next = "stop"
                with m.If(loading.status != Status.OK):
                    m.next = "skip"
        with m.State("stop"):
            self._reset_core(m)
            with m.If(self._idle):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == RESET_CYCLES - 1):
                    m.d.comb += loading.begin.eq(1)
                    m.d.sync += wait.eq(0)
                    m.next = "write"
        with m.State("write"):
            m.d.comb += [
                self.requests.ready.eq(self._more & ~loading.busy),
                bus.shift.eq(came),
                loading.take.eq(came),
            ]
            with m.If(came):
                m.d.sync += [*fewer, left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "word"
            with m.Elif(~self._more):
                m.next = "ask"
        with m.State("word"):
            m.d.comb += bus.write.eq(1)
            m.d.sync += [left.eq(where.bytes), where.address.eq(where.address + 1)]
            m.next = "write"

    def _prove_states(self, m: Module, came: Value, fewer: list[Any]) -> None:
        """States in which a CRC is compared with that of what was written."""
        loading = self._loading
        with m.State("proof"):
            m.d.comb += [self.requests.ready.eq(self._more & ~loading.busy), loading.take.eq(came)]
            with m.If(came):
                m.d.sync += fewer
            with m.If(~self._more & ~loading.busy):
                m.next = "settle"
        with m.State("settle"):
            m.next = "prove"
        with m.State("prove"):
            m.d.comb += loading.prove.eq(1)
            m.next = "proved"
        with m.State("proved"):
            with m.If(~loading.known):
                m.d.sync += self._job.status.eq(Status.NOT_PROVED)
            m.next = "ask"

    def _reply(self, m: Module, tags: fifo.SyncFIFOBuffered) -> None:
        """Sends answers and the replies that are asked for, an answer first."""
        chip, counters = self.core.chip, self.counters
        layers = len(chip.layers)
        answer, totals = (
            packed(self.result.payload, answer_parts(chip.classes)),
            packed(counters, counters_parts(layers)),
        )
        # Counters yet to be sent, those of one moment; kept and moved by registers, each for one that may be far away.
        kept, advance = Signal(len(totals), reset_less=True), Signal()
        following = Cat(kept[8:], Const(0, 8))
        for start in range(0, len(totals), COUNTER_BITS):
            own_capture = Signal(name=f"capture{start}", reset_less=True, attrs=COPY)
            own_advance = Signal(name=f"advance{start}", reset_less=True, attrs=COPY)
            part = slice(start, start + COUNTER_BITS)
            m.d.sync += [own_capture.eq(self._idle), own_advance.eq(advance)]
            with m.If(own_capture):
                m.d.sync += kept[part].eq(totals[part])
            with m.Elif(own_advance):
                m.d.sync += kept[part].eq(following[part])
        m.d.sync += advance.eq(0)
        counters_start, total = len(answer) // 8, (len(answer) + len(totals)) // 8

        read = self._about.read_port()
        loadable = self.core.options.loadable
        length = len(self.about) + loadable * (len(self.chip) + 1)  # of what IDENTIFY replies

        head = Signal(data.StructLayout({"command": 8, "tag": 16, "status": 8}))
        answering = Signal()
        place = Signal(range(max(REPLY_HEAD, total, length)))
        out = self.replies
        byte, last = Signal(8), Signal()
        picked, ends = Signal(8, reset_less=True), Signal()  # of the answer, and whether it is the last: a cycle later
        job = self._job
        loops, identifies, has_body = Signal(), Signal(), Signal()
        traces, traced = Signal(), self.core.options.trace
        plain = (job.command == Command.RESET) | (job.command == Command.WRITE)
        if loadable:
            plain |= job.command == Command.PROVE
        m.d.comb += read.addr.eq(place)
        m.d.sync += [
            picked.eq(answer.word_select(place[: (counters_start - 1).bit_length()], 8)),
            ends.eq(place == Mux(identifies, length - 1, total - 1)),
        ]
        identity = self._identity(m, place, read.data, ends) if loadable else read.data
        with m.FSM():
            with m.State("idle"):
                m.d.comb += self._idle.eq(1)
                m.d.sync += place.eq(0)
                if traced:
                    m.d.sync += traces.eq(0)
                with m.If(self.result.valid & tags.r_rdy & ~self._hold):
                    m.d.comb += tags.r_en.eq(1)
                    m.d.sync += [
                        answering.eq(1),
                        loops.eq(0),
                        identifies.eq(0),
                        has_body.eq(1),
                        head.command.eq(Command.INFER | REPLY),
                        head.tag.eq(tags.r_data),
                        head.status.eq(Status.OK),
                    ]
                    m.next = "head"
                if traced:
                    with m.Elif(self._trace.bytes.valid & ~self._hold):
                        m.d.sync += [
                            answering.eq(0),
                            traces.eq(1),
                            has_body.eq(1),
                            head.command.eq(Command.TRACE | REPLY),
                            head.tag.eq(self._trace_tag),
                            head.status.eq(Status.OK),
                        ]
                        m.next = "head"
                with m.Elif(self._asked):
                    m.d.sync += [
                        answering.eq(0),
                        loops.eq(job.command == Command.LOOPBACK),
                        identifies.eq(job.command == Command.IDENTIFY),
                        has_body.eq(
                            (job.status == Status.OK) & ~plain & ((job.command != Command.LOOPBACK) | self._more)
                        ),
                        head.command.eq(job.command | REPLY),
                        head.tag.eq(job.tag),
                        head.status.eq(job.status),
                    ]
                    m.next = "head"
            with m.State("head"):
                m.d.comb += [
                    out.valid.eq(1),
                    out.payload.data.eq(Value.cast(head).word_select(place[:2], 8)),
                    out.payload.last.eq((place == REPLY_HEAD - 1) & ~has_body),
                ]
                with m.If(out.ready):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == REPLY_HEAD - 1):
                        m.d.sync += place.eq(Mux(answering | identifies, 0, counters_start))
                        m.next = "body"
                        if traced:
                            with m.If(traces):
                                m.next = "trace"
                        with m.If(~has_body):
                            m.next = "over"
            if traced:
                with m.State("trace"):
                    words = self._trace.bytes
                    m.d.comb += words.ready.eq(1)
                    m.d.sync += [byte.eq(words.payload.data), last.eq(words.payload.last)]
                    with m.If(words.valid):
                        m.next = "byte"
            with m.State("body"):
                # An echoed byte is kept, too: requests must not wait for whoever takes replies in the same cycle.
                m.d.comb += self._echo.ready.eq(loops)
                m.d.sync += [byte.eq(self._echo.payload.data), last.eq(self._echo.payload.last)]
                with m.If(~loops):
                    m.next = "read"
                with m.Elif(self._echo.valid):
                    m.next = "byte"
            with m.State("read"):
                m.d.sync += last.eq(ends)
                with m.If(identifies):
                    m.d.sync += byte.eq(identity)
                with m.Elif(place < counters_start):
                    m.d.sync += byte.eq(picked)
                with m.Else():
                    m.d.sync += [byte.eq(kept[:8]), advance.eq(1)]
                m.next = "byte"
            with m.State("byte"):
                m.d.comb += [
                    out.valid.eq(1),
                    out.payload.data.eq(byte),
                    out.payload.last.eq(last),
                ]
                with m.If(out.ready):
                    m.d.sync += place.eq(place + 1)
                    m.next = "body"
                    if traced:
                        with m.If(traces):
                            m.next = "trace"
                    with m.If(out.payload.last):
                        m.next = "over"
            with m.State("over"):
                m.d.comb += [
                    self.result.ready.eq(answering),
                    self._told.eq(~answering & ~traces if traced else ~answering),
                ]
                m.next = "idle"

    def _identity(self, m: Module, place: Value, about: Value, ends: Value) -> Value:
        """The byte at ``place`` of what IDENTIFY replies, a cycle later: of ``about``, of the chip if it is known, or
        the closing brace."""
        chip = self._chip.read_port()
        in_chip = Signal()
        bits = len(self.chip).bit_length()
        m.d.comb += chip.addr.eq(place[:bits])
        m.d.sync += in_chip.eq((place >> bits) == len(self.about) >> bits)
        known = Mux(self._loading.known, chip.data, ord(" "))
        return Mux(in_chip, Mux(ends, ord("}"), known), about)
