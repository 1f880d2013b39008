"""The part of the host link that carries out WRITE and PROVE."""

from amaranth import Cat, Signal, Value

from captwin.hw.gates.stores import Contents, Stores, load_bus
from captwin.hw.link.exchange import RESET_CYCLES, Exchange
from captwin.hw.link.loading.loading import Loading, place
from captwin.hw.link.protocol import ABOUT, PROOF, WRITE_HEAD, Command, Status


class LoadRequests:
    """States and signals of a loadable :class:`HostLink`, added to the module of ``exchange``.

    ``chip`` is the first content of the store that describes the chip. ``description`` is the memory that holds it, and
    ``loading`` judges what is written.
    """

    def __init__(self, exchange: Exchange, chip: Contents) -> None:
        self._exchange = exchange
        m, ports = exchange.m, exchange.ports
        self.description = Stores(m, [chip], ports.load, ABOUT).memory("chip")
        m.submodules.loading = self.loading = Loading([*exchange.core.contents, chip], ports.capacity - 1)
        self._where = Signal(place(), name="_where")
        self._bus = Signal(load_bus(), name="_bus")
        byte = ports.requests.payload.data
        m.d.comb += [
            self._bus.byte.eq(byte),
            self._bus.store.eq(self._where.store),
            self._bus.address.eq(self._where.address),
            self.loading.where.eq(self._where),
            self.loading.first.eq(byte),
            self.loading.byte.eq(byte),
            ports.core_reset.eq(~self.loading.known),
        ]
        m.d.sync += ports.load.eq(self._bus)

    @property
    def known(self) -> Value:
        """High if the core holds a whole chip."""
        return self.loading.known

    def dispatch(self) -> None:
        """Cases of the state that looks at commands."""
        exchange = self._exchange
        m = exchange.m
        with m.Case(Command.WRITE):
            m.next = "where"
            with m.If(exchange.body <= WRITE_HEAD):
                exchange.refuse(Status.WRONG_LENGTH)
        with m.Case(Command.PROVE):
            m.next = "proof"
            with m.If(exchange.body != PROOF):
                exchange.refuse(Status.WRONG_LENGTH)

    def write_states(self, wait: Signal) -> None:
        """WRITE: its head, then its words are judged, then the core is stopped (``wait`` counts), then the words are
        written."""
        left = Signal(8)  # bytes of the word
        self._where_state(left)
        self._judge_state()
        self._stop_state(wait)
        self._word_states(left)

    def _where_state(self, left: Signal) -> None:
        exchange, where = self._exchange, self._where
        m, requests = exchange.m, exchange.ports.requests
        byte = requests.payload.data
        place = Signal(range(WRITE_HEAD))
        with m.State("where"):
            m.d.comb += requests.ready.eq(1)
            with m.If(exchange.came):
                m.d.sync += [
                    Value.cast(where).eq(Cat(Value.cast(where)[8:], byte)),
                    left.eq(byte),
                    *exchange.fewer,
                    place.eq(place + 1),
                ]
                with m.If(place == WRITE_HEAD - 1):
                    m.d.sync += place.eq(0)
                    m.next = "judge"

    def _judge_state(self) -> None:
        """Offers the first byte of the words until the decision; the byte is not taken yet."""
        exchange, loading = self._exchange, self.loading
        m = exchange.m
        with m.State("judge"):
            m.d.comb += [loading.judge.eq(exchange.ports.requests.valid), loading.length.eq(exchange.body)]
            with m.If(loading.decided):
                m.d.sync += exchange.job.status.eq(loading.status)
                m.next = "stop"
                with m.If(loading.status != Status.OK):
                    m.next = "skip"

    def _stop_state(self, wait: Signal) -> None:
        """Resets the core, as for RESET; it stays in reset until the chip is known."""
        exchange = self._exchange
        m = exchange.m
        with m.State("stop"):
            exchange.reset_core()
            with m.If(exchange.idle):
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == RESET_CYCLES - 1):
                    m.d.comb += self.loading.begin.eq(1)
                    m.d.sync += wait.eq(0)
                    m.next = "write"

    def _word_states(self, left: Signal) -> None:
        exchange, loading, where, bus = self._exchange, self.loading, self._where, self._bus
        m = exchange.m
        with m.State("write"):
            m.d.comb += [
                exchange.ports.requests.ready.eq(exchange.more & ~loading.busy),
                bus.shift.eq(exchange.came),
                loading.take.eq(exchange.came),
            ]
            with m.If(exchange.came):
                m.d.sync += [*exchange.fewer, left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "word"
            with m.Elif(~exchange.more):
                m.next = "ask"
        with m.State("word"):
            m.d.comb += bus.write.eq(1)
            m.d.sync += [left.eq(where.bytes), where.address.eq(where.address + 1)]
            m.next = "write"

    def prove_states(self) -> None:
        """PROVE: its CRC is compared with that of what was written."""
        exchange, loading = self._exchange, self.loading
        m = exchange.m
        with m.State("proof"):
            m.d.comb += [
                exchange.ports.requests.ready.eq(exchange.more & ~loading.busy),
                loading.take.eq(exchange.came),
            ]
            with m.If(exchange.came):
                m.d.sync += exchange.fewer
            with m.If(~exchange.more & ~loading.busy):
                m.next = "settle"
        with m.State("settle"):
            m.next = "prove"
        with m.State("prove"):
            m.d.comb += loading.prove.eq(1)
            m.next = "proved"
        with m.State("proved"):
            with m.If(~loading.known):
                m.d.sync += exchange.job.status.eq(Status.NOT_PROVED)
            m.next = "ask"
