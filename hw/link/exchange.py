"""What the parts of the host link share: the request that is being carried out, and the signals between the parts."""

from typing import Any

from amaranth import Module, ResetInserter, Signal, Value
from amaranth.lib import data, fifo, stream

from captwin.hw.gates.core import Core
from captwin.hw.link.line.frames import token
from captwin.hw.link.protocol import Status

#: cycles that a reset of the core lasts
RESET_CYCLES = 16


class Exchange:
    """Signals of one :class:`HostLink`, added to its module ``m``; ``ports`` are those of the link itself.

    A request is taken by :class:`Requests`. If it is answered with anything but the core's results, ``asked`` is high
    until :class:`Replies` has sent that reply, which ``told`` says for one cycle.

    * ``tags``: queue of the tags of images in the core, in their order.
    * ``job``: command and tag of the request, and the status of its reply.
    * ``asked``, ``told``: a reply with ``job`` is wanted; it has been sent.
    * ``hold``: no reply with results may begin.
    * ``idle``: no reply is being sent.
    * ``more``: bytes of the request are left.
    * ``echo``: bytes of the request that go back to the host (LOOPBACK).

    The names of these signals stand in netlists, which must stay the same for bitstreams to stay the same.
    """

    def __init__(self, m: Module, ports: Any, core: Core) -> None:
        self.m, self.ports, self.core = m, ports, core
        self.tags = fifo.SyncFIFOBuffered(width=16, depth=core.in_flight)
        m.submodules.tags = ResetInserter(ports.core_reset)(self.tags)
        self.job = Signal(data.StructLayout({"command": 8, "tag": 16, "status": 8}), name="_job")
        self.asked, self.told = Signal(), Signal()
        self.hold = Signal(name="_hold")
        self.idle = Signal(name="_idle")
        self.more = Signal(name="_more")
        self.echo = stream.Signature(token()).create(path=("_echo",))

    def follow_request(self) -> None:
        """Adds the signals that follow the request byte by byte.

        * ``came``: a byte of the request is taken in this cycle.
        * ``body``: bytes of the body that are left.
        * ``fewer``: statements that count one byte of the body.
        """
        requests = self.ports.requests
        self.came: Value = requests.valid & requests.ready
        self.body = Signal(range(self.ports.capacity), name="body")
        self.fewer = [self.body.eq(self.body - 1), self.more.eq(self.body != 1)]

    def refuse(self, status: Status) -> None:
        """Part of a state: nothing is carried out, the reply has ``status``."""
        self.m.d.sync += self.job.status.eq(status)
        self.m.next = "skip"

    def reset_core(self) -> None:
        """Part of a state: resets the core once no reply is being sent."""
        m = self.m
        m.d.comb += self.hold.eq(1)
        if self.core.options.loadable:
            with m.If(self.idle):
                m.d.comb += self.ports.core_reset.eq(1)
        else:
            m.d.comb += self.ports.core_reset.eq(self.idle)
