"""The part of the host link that takes requests apart, and carries them out or has them replied to."""

from amaranth import Cat, Signal, Value

from captwin.hw.link.exchange import RESET_CYCLES, Exchange
from captwin.hw.link.loading.requests import LoadRequests
from captwin.hw.link.protocol import REQUEST_HEAD, Command, Status
from captwin.hw.link.shift_registers import beat_of_pixels
from captwin.hw.link.trace_words import TraceRequest


class Requests:
    """The state machine that takes requests, added to the module of ``exchange``.

    ``loading`` is there if the core is loadable, ``tracing`` if it can trace.
    """

    def __init__(self, exchange: Exchange, loading: LoadRequests | None, tracing: TraceRequest | None) -> None:
        self._exchange, self._loading, self._tracing = exchange, loading, tracing
        m, ports, core = exchange.m, exchange.ports, exchange.core
        self._lanes = core.options.pixel_lanes
        self._place = Signal(range(REQUEST_HEAD), name="place")
        exchange.follow_request()
        self._lane = Signal(range(max(self._lanes, 2)), name="lane")
        self._shift = Signal(name="shift")
        self._wait = Signal(range(RESET_CYCLES), name="wait")
        m.d.comb += [
            Value.cast(ports.pixels.payload).eq(
                beat_of_pixels(m, self._lanes, self._shift, ports.requests.payload.data)
            ),
            exchange.tags.w_data.eq(exchange.job.tag),
        ]
        with m.FSM():
            self._head()
            self._dispatch()
            self._fill()
            self._send()
            if loading:
                self._aside()
                loading.write_states(self._wait)
                loading.prove_states()
            self._skip()
            self._reset()
            self._ask()

    def _head(self) -> None:
        """The first bytes: command, tag."""
        exchange, place = self._exchange, self._place
        m, ports, job = exchange.m, exchange.ports, exchange.job
        frames = ports.requests
        with m.State("head"):
            m.d.comb += frames.ready.eq(1)
            with m.If(exchange.came):
                m.d.sync += [
                    job.command.eq(job.tag[:8]),
                    job.tag.eq(Cat(job.tag[8:], frames.payload.data)),
                    place.eq(place + 1),
                ]
                with m.If(place == 0):
                    m.d.sync += [
                        exchange.body.eq(ports.length - REQUEST_HEAD),
                        exchange.more.eq(ports.length != REQUEST_HEAD),
                    ]
                with m.If(place == REQUEST_HEAD - 1):
                    m.d.sync += place.eq(0)
                    m.next = "dispatch"
                with m.Elif(frames.payload.last):  # too short to be answered
                    m.d.sync += place.eq(0)
            if self._loading:
                with m.If(ports.calls.valid & (place == 0)):
                    m.d.comb += frames.ready.eq(0)
                    self._take_call("ask")

    def _dispatch(self) -> None:
        """What the command wants, and whether the body has the right length for it."""
        exchange = self._exchange
        m, job = exchange.m, exchange.job
        with m.State("dispatch"):
            m.d.sync += job.status.eq(Status.OK)
            images = [Command.INFER]
            if self._tracing:
                images.append(Command.TRACE)
                m.d.sync += self._tracing.on.eq(0)
            with m.Switch(job.command):
                with m.Case(*images):
                    self._dispatch_image()
                with m.Case(Command.LOOPBACK):
                    m.next = "ask"
                if self._loading:
                    self._loading.dispatch()
                with m.Case(Command.IDENTIFY, Command.COUNTERS, Command.RESET):
                    with m.If(exchange.more):
                        exchange.refuse(Status.WRONG_LENGTH)
                    with m.Elif(job.command == Command.RESET):
                        m.next = "reset"
                    with m.Else():
                        m.next = "ask"
                with m.Default():
                    exchange.refuse(Status.UNKNOWN_COMMAND)

    def _dispatch_image(self) -> None:
        """INFER and TRACE wait for a place in the queue of tags."""
        exchange = self._exchange
        m, job, tags = exchange.m, exchange.job, exchange.tags
        with m.If(exchange.body != exchange.core.chip.pixels):
            exchange.refuse(Status.WRONG_LENGTH)
        if self._loading:
            with m.Elif(~self._loading.known):
                exchange.refuse(Status.NO_CHIP)
        with m.Elif(tags.w_rdy):
            m.d.comb += tags.w_en.eq(1)
            m.next = "fill"
            if self._tracing:
                with m.If(job.command == Command.TRACE):
                    self._tracing.begin(job.tag)
        if self._loading:
            calls = exchange.ports.calls
            with m.Elif(calls.valid & (calls.payload.command == Command.RESET)):
                self._take_call("reset")

    def _fill(self) -> None:
        """Collects the pixels of a beat; after the last pixel any bytes fill it up."""
        exchange, lane = self._exchange, self._lane
        m = exchange.m
        with m.State("fill"):
            m.d.comb += exchange.ports.requests.ready.eq(exchange.more)
            with m.If(exchange.came):
                m.d.sync += exchange.fewer
            with m.If(exchange.came | ~exchange.more):
                m.d.comb += self._shift.eq(1)
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == self._lanes - 1):
                    m.d.sync += lane.eq(0)
                    m.next = "filled"

    def _send(self) -> None:
        """Gives the core a beat of pixels."""
        exchange = self._exchange
        m, ports = exchange.m, exchange.ports
        with m.State("filled"):
            m.next = "send"
        with m.State("send"):
            m.d.comb += ports.pixels.valid.eq(1)
            with m.If(ports.pixels.ready):
                m.next = "head"
                with m.If(exchange.more):
                    m.next = "fill"
            if self._loading:
                with m.Elif(ports.calls.valid):
                    m.next = "call"

    def _aside(self) -> None:
        """Carries out an urgent request while the core does not take a beat."""
        exchange = self._exchange
        m = exchange.m
        with m.State("call"):  # a state of its own: whether the core takes a beat is known late in a cycle
            self._take_call("aside")
        with m.State("aside"):
            m.d.comb += exchange.asked.eq(1)
            with m.If(exchange.told):
                m.next = "send"

    def _skip(self) -> None:
        """Passes over the rest of a refused request."""
        exchange = self._exchange
        m = exchange.m
        with m.State("skip"):
            m.d.comb += exchange.ports.requests.ready.eq(exchange.more)
            with m.If(exchange.came):
                m.d.sync += exchange.fewer
            with m.If(~exchange.more):
                m.next = "ask"

    def _reset(self) -> None:
        """Waits until no reply is being sent, then resets the core for RESET_CYCLES."""
        exchange, wait = self._exchange, self._wait
        m = exchange.m
        with m.State("reset"):
            exchange.reset_core()
            with m.If(exchange.idle):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == RESET_CYCLES - 1):
                    m.d.sync += wait.eq(0)
                    if self._loading:
                        m.d.comb += self._loading.loading.restart.eq(1)
                    m.next = "ask"

    def _ask(self) -> None:
        """Waits for the reply to be sent; LOOPBACK sends the rest of the request back meanwhile."""
        exchange = self._exchange
        m, frames, echo = exchange.m, exchange.ports.requests, exchange.echo
        with m.State("ask"):
            m.d.comb += [
                exchange.asked.eq(1),
                echo.payload.eq(frames.payload),
                echo.valid.eq(frames.valid & exchange.more),
                frames.ready.eq(echo.ready & exchange.more),
            ]
            with m.If(exchange.came):
                m.d.sync += exchange.fewer
            with m.If(exchange.told):
                m.next = "head"

    def _take_call(self, identify: str) -> None:
        """Part of a state: takes an urgent request before the one whose turn it is.

        ``identify`` is the next state for IDENTIFY.
        """
        exchange = self._exchange
        m, ports, job = exchange.m, exchange.ports, exchange.job
        calls = ports.calls
        m.d.comb += calls.ready.eq(1)
        m.d.sync += [
            job.command.eq(calls.payload.command),
            job.tag.eq(calls.payload.tag),
            job.status.eq(Status.OK),
        ]
        if self._tracing:
            m.d.sync += self._tracing.on.eq(0)
        m.next = identify
        if identify == "ask":
            m.d.sync += exchange.more.eq(0)
        with m.If(calls.payload.command == Command.RESET):
            m.d.comb += ports.forget.eq(1)
            m.d.sync += exchange.more.eq(0)
            m.next = "reset"
