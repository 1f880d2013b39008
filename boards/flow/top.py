"""What goes on a board: clock, power-on reset, a core on the board's serial line, and the LEDs that show life."""

from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, Elaboratable, Module, Mux, Signal
from amaranth.build import Platform
from amaranth.lib import io

from captwin.boards.board import Board
from captwin.boards.families.pll import Pll
from captwin.hw.gates.core import Core
from captwin.hw.link.linked_core import LinkedCore
from captwin.hw.link.selftest import Expected

#: power-on reset takes 2**RESET_BITS cycles: on iCE40 block RAM reads 0 for some microseconds after configuration
RESET_BITS = 12


class BoardTop(Elaboratable):
    """A whole design for one board, running at ``pll.output_hz``.

    LED 0 is a heartbeat (1 Hz, half of it lit). LED 1 is lit if the self-test passes and blinks fast if it has
    failed; LEDs 2 to 5 show the class of the latest image in binary. With fewer LEDs, LED 1 flashes the class:
    so many flashes, ten for class 0, then a pause.
    """

    def __init__(self, board: Board, core: Core, expected: Expected, pll: Pll) -> None:
        self.board = board
        self.pll = pll
        self.linked = LinkedCore(core, expected, clock_hz=pll.output_hz, baud=board.line.baud)

    def elaborate(self, platform: Platform) -> Module:
        m = Module()
        waiting = self._clock(m, platform)
        m.submodules.linked = linked = self.linked
        pins = {pin.name: "-" for pin in platform.lookup("uart", 0).ios}
        line = platform.request("uart", 0, dir=pins)
        m.submodules.rx = rx = io.Buffer("i", line.rx)
        m.submodules.tx = tx = io.Buffer("o", line.tx)
        m.d.comb += [linked.rx.eq(rx.i), tx.o.eq(linked.tx), linked.hold.eq(waiting)]

        eighth = round(self.pll.output_hz / 8)
        cycle = Signal(range(eighth))
        beat = Signal(6)  # eighths of a second
        with m.If(cycle == eighth - 1):
            m.d.sync += [cycle.eq(0), beat.eq(beat + 1)]
        with m.Else():
            m.d.sync += cycle.eq(cycle + 1)
        leds = Signal(len(self.board.leds))
        if len(leds) >= 6:
            shown = Cat(linked.passed, linked.label)
        else:
            flashes = Mux(linked.label == 0, 10, linked.label)
            shown = linked.passed & ~beat[0] & (beat[1:] < flashes)
        m.d.sync += leds.eq(Cat(beat[2], Mux(linked.failed, beat[0], shown)))
        places = [tuple(name.split(".")) for name in self.board.leds]  # resource, number, and colour if it has some
        requested: dict[tuple[str, ...], Any] = {}
        for number, place in enumerate(places):
            lamp, part = place[:2], place[2:]
            if lamp not in requested:
                colours = {entry[2]: "-" for entry in places if entry[:2] == lamp and part}
                requested[lamp] = platform.request(lamp[0], int(lamp[1]), dir=colours or "-")
            port = requested[lamp]
            m.submodules[f"led{number}"] = pin = io.Buffer("o", getattr(port, part[0]) if part else port)
            m.d.comb += pin.o.eq(leds[number])
        return m

    def _clock(self, m: Module, platform: Platform) -> Signal:
        """The core's clock; what it returns is high until that is steady and the memories are there."""
        port = platform.request(platform.default_clk, dir="-")
        clock = Signal()
        locked = Signal()
        m.submodules.clock = self.board.family.clock(self.pll, platform.default_clk_frequency, port, clock, locked)
        m.domains.sync = ClockDomain(reset_less=True)
        m.domains.start = ClockDomain(reset_less=True)
        waited = Signal(RESET_BITS + 1)
        over = Signal()
        waiting = Signal(init=1)
        m.d.comb += [
            ClockSignal("sync").eq(clock),
            ClockSignal("start").eq(clock),
        ]
        m.d.start += [over.eq(waited[-1]), waiting.eq(~over)]
        with m.If(~locked):
            m.d.start += waited.eq(0)
        with m.Elif(~waited[-1]):
            m.d.start += waited.eq(waited + 1)
        return waiting
