"""The gates' end of the link: takes requests, runs images through a core, replies."""

from typing import Any

from amaranth import Module, ResetInserter
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.gates.core import Core
from captwin.hw.gates.stores import Contents, Stores, load_bus
from captwin.hw.link.about import IdentifyText
from captwin.hw.link.exchange import Exchange
from captwin.hw.link.line.crc import CRC_BYTES
from captwin.hw.link.line.frames import call, token
from captwin.hw.link.loading.requests import LoadRequests
from captwin.hw.link.protocol import LEAST_BODY, REQUEST_HEAD
from captwin.hw.link.replies import IdentifyBytes, Replies
from captwin.hw.link.requests import Requests
from captwin.hw.link.trace_words import TraceRequest


class HostLink(wiring.Component):
    """Carries out requests as `docs/protocol.md` says, with ``core``, to which it must be connected.

    Up to ``core.in_flight`` images may be under way; answers come in their order. IDENTIFY is answered with
    ``identify``. Throughput: a byte a cycle in, a byte every third cycle out.

    * ``requests`` (in): contents of frames, one byte a beat.
    * ``length`` (in): bytes of the request that is offered, below ``capacity``; stable until its last byte is taken.
    * ``replies`` (out): contents of frames, one byte a beat.
    * ``pixels`` (out), ``result`` (in), ``counters`` (in): those of the core.
    * ``core_reset`` (out): resets the core while it is high.
    * ``trace0``, ``trace1``, ... (in): the core's trace streams, if it has them; only then TRACE is answered.

    If the core is loadable there are more ports. WRITE changes the core's stores and the chip that IDENTIFY names; from
    then on the core is stopped, until PROVE finds that a whole chip was written.

    * ``load`` (out): writes words into the core's stores.
    * ``calls`` (in): urgent requests. RESET is carried out before all others, which are forgotten then. IDENTIFY is
      answered even while an image waits for the core.
    * ``forget`` (out): high for one cycle when the requests that wait must be dropped.
    """

    def __init__(self, core: Core, identify: IdentifyText) -> None:
        self.core = core
        self.identify = identify
        need = REQUEST_HEAD + max(core.chip.pixels, LEAST_BODY) + CRC_BYTES
        #: bytes of the longest frame, CRC included: a power of two
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
        exchange = Exchange(m, self, self.core)
        fixed = self._identify_memory(m)
        loading = (
            LoadRequests(exchange, Contents("chip", 8, self.identify.chip)) if self.core.options.loadable else None
        )
        tracing = self._tracing(m) if self.core.options.trace else None
        Requests(exchange, loading, tracing)
        Replies(exchange, IdentifyBytes(self.identify, fixed, loading), tracing)
        return m

    def _identify_memory(self, m: Module) -> memory.Memory:
        if self.core.options.loadable:  # block memory: a loadable core leaves few lookup tables
            text = Stores(m, [Contents("text", 8, self.identify.fixed)])
            return text.memory("text", attrs={"ram_style": "block"})
        return Stores(m, [Contents("about", 8, self.identify.fixed)]).memory("about")

    def _tracing(self, m: Module) -> TraceRequest:
        tracing = TraceRequest(m, self.core)
        m.submodules.trace = ResetInserter(self.core_reset)(tracing.words)
        for name in self._trace_ports():
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(tracing.words, name))
        m.d.comb += tracing.words.send.eq(tracing.on)
        return tracing
