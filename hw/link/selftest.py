"""The self-test: until a host speaks, one image is run again and again and its answers compared with the golden one."""

from dataclasses import dataclass

import numpy as np
from amaranth import Module, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import Chip
from captwin.hw.link.exchange import RESET_CYCLES
from captwin.hw.link.line.frames import call, token
from captwin.hw.link.protocol import REPLY, Command, Status, answer_parts, pack

#: bit of an expected byte: the byte is compared
CHECKED = 0x100


@dataclass(frozen=True, eq=False)
class Replayed:
    """Images for a :class:`captwin.hw.link.replay.Replay`, and the classes that the golden model finds."""

    pixels: np.ndarray  #: (images, pixels) uint8
    labels: np.ndarray  #: (images,)


@dataclass(frozen=True)
class Expected:
    """What the self-test of a board is made of: an image of pixel codes and the golden model's answer to it."""

    pixels: np.ndarray  #: (pixels,) uint8
    label: int
    steps: int  #: until the decision
    counts: tuple[int, ...]  #: output spikes of each class
    membranes: tuple[int, ...]  #: last membrane code of each class
    replayed: Replayed | None = None  #: what a real-time core runs before that


class SelfTest(wiring.Component):
    """Stands between the serial port and the host link. It sends the link the same image again and again and compares
    the replies, but for the cycles and counters in them, until the host sends a request. Then it resets link and core,
    and connects port and link. Latency of that: 2 RESET_CYCLES; afterwards none.

    * ``host_requests``, ``host_length`` (in), ``host_replies`` (out): to the serial port.
    * ``requests``, ``length`` (out), ``replies`` (in): to the host link.
    * ``restart`` (out): resets host link and core.
    * ``passed`` (out): at least one reply came, and all were as expected.
    * ``failed`` (out): a reply was not as expected. Both outputs keep their values when a host takes over.
    * ``host_calls`` (in), ``calls`` (out): urgent requests, only with ``calls``.
    """

    def __init__(self, chip: Chip, expected: Expected, length: int, *, calls: bool = False) -> None:
        """Requests have at most ``length`` bytes."""
        self._calls = calls
        self._request = bytes([Command.INFER, 0, 0, *expected.pixels.tolist()])
        numbers = {
            "label": [expected.label],
            "steps": [expected.steps],
            "cycles": [0],
            "counts": expected.counts,
            "membranes": expected.membranes,
        }
        self._reply = [CHECKED | byte for byte in (Command.INFER | REPLY, 0, 0, Status.OK)]
        for part in answer_parts(chip.classes):
            checked = 0 if part.name == "cycles" else CHECKED
            self._reply += [checked | byte for byte in pack([part], numbers)]
        self._reply.append(0)  # stands for all bytes that follow, which are not compared
        tokens = stream.Signature(token())
        super().__init__(
            {
                "host_requests": In(tokens),
                "host_length": In(range(length + 1)),
                "host_replies": Out(tokens),
                "requests": Out(tokens),
                "length": Out(range(length + 1)),
                "replies": In(tokens),
                "restart": Out(1),
                "passed": Out(1),
                "failed": Out(1),
            }
            | ({"host_calls": In(stream.Signature(call())), "calls": Out(stream.Signature(call()))} if calls else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wait = Signal(range(2 * RESET_CYCLES))  # the reset, and as long again for link and core to come out of it
        if self._calls:
            m.d.comb += self.calls.payload.eq(self.host_calls.payload)
        with m.FSM():
            with m.State("test"):
                self._ask(m)
                self._watch(m)
                with m.If(
                    self.host_requests.valid | self.host_calls.valid if self._calls else self.host_requests.valid
                ):
                    m.next = "restart"
            with m.State("restart"):
                m.d.comb += self.restart.eq(wait < RESET_CYCLES)
                m.d.sync += wait.eq(wait + 1)
                with m.If(wait == 2 * RESET_CYCLES - 1):
                    m.next = "through"
            with m.State("through"):
                wiring.connect(m, wiring.flipped(self.host_requests), wiring.flipped(self.requests))
                wiring.connect(m, wiring.flipped(self.replies), wiring.flipped(self.host_replies))
                m.d.comb += self.length.eq(self.host_length)
                if self._calls:
                    m.d.comb += [self.calls.valid.eq(self.host_calls.valid), self.host_calls.ready.eq(self.calls.ready)]
        return m

    def _ask(self, m: Module) -> None:
        """Sends the request again and again, a byte every third cycle."""
        m.submodules.request = store = memory.Memory(shape=unsigned(8), depth=len(self._request), init=self._request)
        port, out = store.read_port(), self.requests
        place = Signal(range(len(self._request)))
        byte = Signal(8)
        last, settled, offered = Signal(), Signal(), Signal()
        m.d.comb += [
            port.addr.eq(place),
            out.payload.data.eq(byte),
            out.payload.last.eq(last),
            out.valid.eq(offered),
            self.length.eq(len(self._request)),
        ]
        m.d.sync += [
            byte.eq(port.data),
            last.eq(place == len(self._request) - 1),
            settled.eq(~(offered & out.ready)),
            offered.eq(settled & ~(offered & out.ready)),
        ]
        with m.If(offered & out.ready):
            m.d.sync += place.eq(place + 1)
            with m.If(out.payload.last):
                m.d.sync += place.eq(0)

    def _watch(self, m: Module) -> None:
        """Takes the replies, a byte every third cycle, and compares them."""
        m.submodules.reply = store = memory.Memory(shape=unsigned(9), depth=len(self._reply), init=self._reply)
        port, got = store.read_port(), self.replies
        place = Signal(range(len(self._reply)))
        due, seen = Signal(9), Signal.like(got.payload)
        settled, ready, took, bad = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            port.addr.eq(place),
            got.ready.eq(ready),
            bad.eq((due >= CHECKED) & (due[:8] != seen.data)),
        ]
        m.d.sync += [
            due.eq(port.data),
            seen.eq(got.payload),
            took.eq(ready & got.valid),
            settled.eq(~(ready & got.valid)),
            ready.eq(settled & ~(ready & got.valid)),
        ]
        with m.If(ready & got.valid):
            with m.If(place != len(self._reply) - 1):
                m.d.sync += place.eq(place + 1)
            with m.If(got.payload.last):
                m.d.sync += place.eq(0)
        with m.If(took):  # due is still the byte that was taken
            with m.If(bad):
                m.d.sync += self.failed.eq(1)
            with m.If(seen.last):
                m.d.sync += self.passed.eq(~self.failed & ~bad)
