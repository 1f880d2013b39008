"""What a board is."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.build import Platform

from captwin.boards.families.fabric import Limits
from captwin.boards.families.family import Family
from captwin.boards.flasher import Flasher
from captwin.hw.gates.options import CoreOptions
from captwin.hw.link.linked_core import bit_cycles


@dataclass(frozen=True)
class SerialLine:
    """The serial line between a board and its host."""

    baud: float  #: bits a second, as fast as the bridge to USB is
    bridge: tuple[int, int]  #: that bridge's USB numbers: vendor and product


@dataclass(frozen=True)
class Board:
    """One board: its FPGA, clock, serial line and LEDs, the usual size of a core there, and how it is flashed."""

    name: str  #: as on the command line
    title: str  #: as its maker calls it
    platform: Callable[[], Platform]  #: from amaranth-boards: pins
    family: Family
    part: dict[str, str]  #: the FPGA, as the family's tools are told of it
    limits: Limits  #: what the FPGA has
    clock_hz: float  #: of the core, as wanted
    line: SerialLine
    #: LEDs as resource.number or resource.number.part: heartbeat, verdict, class from its lowest bit on
    leds: tuple[str, ...]
    #: options of a core here, if nothing else is asked for
    pixel_lanes: int
    row_banks: int
    lanes: int
    loadable: bool
    flasher: Flasher
    reference: bool = False  #: whether it is listed first

    def options(self, layers: int) -> CoreOptions:
        """The usual options of a core with so many ``layers``.

        A last layer that comes after others has little to do, and gets one row bank and one lane.
        """
        return CoreOptions(
            self.pixel_lanes,
            (self.row_banks,) if layers == 1 else (self.row_banks,) * (layers - 1) + (1,),
            (self.lanes,) if layers == 1 else (self.lanes,) * (layers - 1) + (1,),
            loadable=self.loadable,
        )

    @property
    def host_baud(self) -> int:
        """Bits a second that a host sets for a core at the usual clock: the bridge's rate or a whole fraction of it."""
        clock_hz = self.family.pll(self.platform().default_clk_frequency, self.clock_hz).output_hz
        baud = clock_hz / bit_cycles(clock_hz, self.line.baud)
        return round(self.line.baud / round(self.line.baud / baud))
