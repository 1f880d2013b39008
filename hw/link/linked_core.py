"""A core with its host link and serial port: the same gates on all boards, and on the virtual one."""

from amaranth import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.gates.core import Core
from captwin.hw.gates.streams import reset_by_register
from captwin.hw.link.about import about_core
from captwin.hw.link.host_link import HostLink
from captwin.hw.link.line.serial_port import SerialPort
from captwin.hw.link.line.uart import LEAST_CYCLES
from captwin.hw.link.replay import Replay
from captwin.hw.link.selftest import Expected, SelfTest

#: allowed relative error of our bit time; the host's may be as large
TOLERANCE = 0.0125


class LinkedCore(wiring.Component):
    """``core`` behind a UART at ``baud`` bits a second, or a whole fraction of it, in a clock of ``clock_hz`` hertz.

    Until a host speaks, it tests itself with the image in ``expected``; a real-time core before that with the images
    that are replayed, if there are any, at its full rate. A frame that stops for PATIENCE_S is dropped.

    * ``rx`` (in), ``tx`` (out): the serial line.
    * ``hold`` (in): resets everything, through registers, as a board has no other reset.
    * ``label`` (out): class of the latest image.
    * ``passed``, ``failed`` (out): verdict of the :class:`SelfTest`, and of the :class:`Replay` if there is one.

    ``about`` is what the device says of itself.
    """

    #: seconds of silence after which the rest of a frame is not waited for
    PATIENCE_S = 0.25

    def __init__(self, core: Core, expected: Expected, *, clock_hz: float, baud: float) -> None:
        self.core = core
        cycles = bit_cycles(clock_hz, baud)
        self.about = about_core(core, clock_hz, clock_hz / cycles)
        patience = round(self.PATIENCE_S * clock_hz)
        loadable = core.options.loadable
        self.link = HostLink(core, self.about.text(core.chip))
        self.port = SerialPort(cycles, capacity=self.link.capacity, patience=patience, calls=loadable)
        replayed = expected.replayed if core.options.real_time else None
        self.replay = None if replayed is None else Replay(core, replayed)
        self.test = SelfTest(core.chip, expected, self.link.capacity - 1, calls=loadable)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "hold": In(1),
                "label": Out(core.result.payload.label.shape()),
                "passed": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link, port, test, core = self.link, self.port, self.test, self.core
        held: Value = self.hold
        if replay := self.replay:
            m.submodules.replay = reset_by_register(m, "replay", replay, self.hold)
            held = self.hold | ~replay.done
        m.submodules.port = reset_by_register(m, "port", port, self.hold)
        m.submodules.test = reset_by_register(m, "test", test, held)
        m.submodules.link = reset_by_register(m, "link", link, held | test.restart)
        m.submodules.core = core
        wiring.connect(m, port.requests, test.host_requests)
        wiring.connect(m, test.host_replies, port.replies)
        wiring.connect(m, test.requests, link.requests)
        wiring.connect(m, link.replies, test.replies)
        if replay:
            wiring.connect(m, link.pixels, replay.link_pixels)
            wiring.connect(m, replay.pixels, core.pixels)
            wiring.connect(m, core.result, replay.result)
            wiring.connect(m, replay.link_result, link.result)
        else:
            wiring.connect(m, link.pixels, core.pixels)
            wiring.connect(m, core.result, link.result)
        m.d.comb += [
            port.rx.eq(self.rx),
            self.tx.eq(port.tx),
            test.host_length.eq(port.length),
            link.length.eq(test.length),
            link.counters.eq(core.counters),
            self.passed.eq(test.passed & replay.passed if replay else test.passed),
            self.failed.eq(test.failed | replay.failed if replay else test.failed),
        ]
        if core.options.trace:
            for number in range(len(core.chip.layers)):
                wiring.connect(m, getattr(core, f"trace{number}"), getattr(link, f"trace{number}"))
        if core.options.loadable:
            wiring.connect(m, port.calls, test.host_calls)
            wiring.connect(m, test.calls, link.calls)
            m.d.comb += [core.load.eq(link.load), port.forget.eq(link.forget)]
        m.d.sync += core.reset.eq(self.hold | test.restart | link.core_reset)
        with m.If(core.result.valid):
            m.d.sync += self.label.eq(core.result.payload.label)
        return m


def bit_cycles(clock_hz: float, baud: float) -> int:
    """Clock cycles of a bit at ``baud``, or at its half, third and so on.

    The fastest of these is taken whose bit is a whole number of cycles within TOLERANCE, and at least LEAST_CYCLES.
    """
    part = 1
    while (cycles := round(part * clock_hz / baud)) < LEAST_CYCLES or abs(
        cycles * baud / (part * clock_hz) - 1
    ) > TOLERANCE:
        part += 1
    return cycles
