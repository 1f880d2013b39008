"""Images from memory at a real-time core's full rate: what a board's host link is far too slow for."""

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import PIXEL_BITS
from captwin.hw.gates.core import Core
from captwin.hw.gates.streams import COPY
from captwin.hw.link.exchange import RESET_CYCLES
from captwin.hw.link.selftest import Replayed
from captwin.hw.link.shift_registers import REACH


def part_widths(lanes: int) -> list[int]:
    """Bits of the memories that hold the beats of a :class:`Replay` with so many pixel lanes."""
    bits = PIXEL_BITS * lanes
    return [min(REACH, bits - start) for start in range(0, bits, REACH)]


class Replay(wiring.Component):
    """Stands between the host link and ``core``, a real-time core. After a reset it feeds the core ``images``, a beat
    whenever the core takes one. It compares their classes, and the clock cycles from result to result. Then it connects
    link and core; until then the link must stay in reset.

    Throughput and latency: once connected, it adds no cycle.

    * ``link_pixels`` (in), ``link_result`` (out): the host link's streams.
    * ``pixels`` (out), ``result`` (in): the core's.
    * ``done`` (out): link and core are connected.
    * ``passed`` (out): all images had their class, each in time.
    * ``failed`` (out): one had another class, or came early or late, or not within PATIENCE cycles.
    """

    #: cycles after which no result is waited for
    PATIENCE = 4095

    def __init__(self, core: Core, images: Replayed) -> None:
        lanes, steps = core.options.pixel_lanes, core.chip.encoder.steps
        beats = -(-core.chip.pixels // lanes)
        #: clock cycles from result to result
        self.interval = max(2, -(-beats // steps) * steps)
        self.labels = [int(label) for label in images.labels]
        padded = np.pad(images.pixels, ((0, 0), (0, beats * lanes - core.chip.pixels)))
        self._beats = [int.from_bytes(beat.tobytes(), "little") for beat in padded.reshape(-1, lanes)]
        self._widths = part_widths(lanes)
        pixels, result = (stream.Signature(port.payload.shape()) for port in (core.pixels, core.result))
        super().__init__(
            {
                "link_pixels": In(pixels),
                "link_result": Out(result),
                "pixels": Out(pixels),
                "result": In(result),
                "done": Out(1),
                "passed": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, since = Signal(range(len(self.labels) + 1)), Signal(range(self.PATIENCE + 1))
        m.d.sync += self.done.eq(self.done | (number == len(self.labels)) | (since == self.PATIENCE))
        m.d.comb += [self.passed.eq(self.done & ~self.failed), Value.cast(self.pixels.payload).eq(self._beat(m))]
        with m.If(self.done):
            m.d.comb += [
                self.pixels.valid.eq(self.link_pixels.valid),
                self.link_pixels.ready.eq(self.pixels.ready),
                self.link_result.valid.eq(self.result.valid),
                self.result.ready.eq(self.link_result.ready),
            ]
        with m.Else():
            m.d.comb += self.result.ready.eq(1)
            self._compare(m, number, since)
        m.d.comb += self.link_result.payload.eq(self.result.payload)
        return m

    def _beat(self, m: Module) -> Value:
        """The beat that the core gets, the memory's or the link's. Each part of it is chosen by registers of its own,
        since one net would not reach all bits in time."""
        fed, accepted = Signal(init=1), Signal()
        m.d.comb += accepted.eq(self.pixels.valid & self.pixels.ready)
        place = Signal(range(len(self._beats) + 1))
        wait, started = Signal(range(RESET_CYCLES)), Signal()  # until the core has come out of its reset
        m.d.sync += [wait.eq(wait + 1), started.eq(started | (wait == RESET_CYCLES - 1))]
        with m.If(~self.done):
            m.d.comb += self.pixels.valid.eq(started & fed)
            with m.If(accepted):
                m.d.sync += [place.eq(place + 1), fed.eq(place != len(self._beats) - 1)]
        parts, source = [], Value.cast(self.link_pixels.payload)
        for number, width in enumerate(self._widths):
            start = number * REACH
            part = slice(start, start + width)
            own_place, own_done = (
                Signal.like(signal, name=f"{signal.name}{start}", init=0, attrs=COPY) for signal in (place, self.done)
            )
            words = [beat >> start & (1 << width) - 1 for beat in self._beats]
            m.submodules[f"images{start}"] = store = memory.Memory(shape=width, depth=len(words), init=words)
            port = store.read_port()
            m.d.comb += port.addr.eq(Mux(accepted, own_place + 1, own_place))
            m.d.sync += own_done.eq(self.done)
            with m.If(accepted & ~self.done):
                m.d.sync += own_place.eq(own_place + 1)
            parts.append(Mux(own_done, source[part], port.data))
        return Cat(parts)

    def _compare(self, m: Module, number: Signal, since: Signal) -> None:
        """Takes every result as it comes, the ``number``-th of them, ``since`` cycles after the one before."""
        m.submodules.labels = store = memory.Memory(
            shape=self.result.payload.label.shape(), depth=len(self.labels), init=self.labels
        )
        port = store.read_port()
        m.d.comb += port.addr.eq(number)
        m.d.sync += since.eq(since + 1)
        with m.If(self.result.valid):
            m.d.sync += [number.eq(number + 1), since.eq(1)]
            with m.If((self.result.payload.label != port.data) | ((number != 0) & (since != self.interval))):
                m.d.sync += self.failed.eq(1)
        with m.Elif(since == self.PATIENCE):
            m.d.sync += self.failed.eq(1)
