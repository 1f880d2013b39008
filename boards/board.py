"""What a board is."""

from collections.abc import Callable
from dataclasses import dataclass, field

from amaranth.build import Platform

from boards.family import Family, Limits
from hw.core import CoreOptions


@dataclass(frozen=True)
class Board:
    """One board: its device, its clock, its LEDs, and how a bitstream gets onto it."""

    name: str  #: as on the command line
    title: str  #: as its maker calls it
    platform: Callable[[], Platform]  #: from amaranth-boards: pins
    family: Family
    device: dict[str, str]  #: what the family's tools are told
    limits: Limits
    clock_hz: float  #: of the core, as wanted
    #: LEDs as resource.number or resource.number.part: heartbeat, verdict, class from its lowest bit on
    leds: tuple[str, ...]
    options: CoreOptions  #: if nothing else is asked for
    #: programs that flash it: into volatile memory and for good; FILE stands for the bitstream
    load: tuple[str, ...]
    burn: tuple[str, ...]
    notes: str = field(default="")
