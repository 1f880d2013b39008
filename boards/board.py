"""What a board is."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.build import Platform

from captwin.boards.families.family import Family, Limits
from captwin.hw.gates.options import CoreOptions


@dataclass(frozen=True)
class SerialLine:
    """The line between a board and its host."""

    baud: float  #: as fast as the bridge to USB is
    bridge: tuple[int, int]  #: that bridge: USB vendor and product


@dataclass(frozen=True)
class Board:
    """One board: its device, its clock, its line, its LEDs, and how a bitstream gets onto it."""

    name: str  #: as on the command line
    title: str  #: as its maker calls it
    platform: Callable[[], Platform]  #: from amaranth-boards: pins
    family: Family
    device: dict[str, str]  #: what the family's tools are told
    limits: Limits
    clock_hz: float  #: of the core, as wanted
    line: SerialLine
    #: LEDs as resource.number or resource.number.part: heartbeat, verdict, class from its lowest bit on
    leds: tuple[str, ...]
    pixel_lanes: int  #: what a core gets here if nothing else is asked for
    row_banks: int
    lanes: int
    loadable: bool  #: whether a core of usual size leaves room for what chips are loaded by
    #: programs that flash it: into volatile memory and for good; FILE stands for the bitstream
    load: tuple[str, ...]
    burn: tuple[str, ...]

    def options(self, layers: int) -> CoreOptions:
        """The size of a core of so many layers; a last layer after others has little to do, and gets little."""
        alone = layers == 1
        return CoreOptions(
            self.pixel_lanes,
            (self.row_banks,) * (layers - 1) + (self.row_banks if alone else 1,),
            (self.lanes,) * (layers - 1) + (self.lanes if alone else 1,),
            loadable=self.loadable,
        )
