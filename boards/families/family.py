"""What the flow needs to know of an FPGA family: its cells, its PLL, and how its tools are called."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from amaranth import Module, Signal
from amaranth.lib import io

from captwin.boards.families.fabric import Cells, Fabric, Limits
from captwin.boards.families.pll import Pll, nearest


class Family(ABC):
    """One FPGA family; every tool is called in the build's folder, with the file names below.

    A part is a dictionary of what the family's tools need to be told of a device; each family says of what.
    """

    #: as people call it
    name: ClassVar[str]
    #: tools that a build needs: synthesis, place and route, packing
    tools: ClassVar[tuple[str, str, str]]
    #: PyPI package of each of them
    packages: ClassVar[tuple[str, str, str]]
    #: name of the constraint file among those that Amaranth's platform prepares
    constraints: ClassVar[str]
    #: name of the bitstream
    bitstream: ClassVar[str]
    #: by the names of :class:`Limits`: what nextpnr calls them
    resources: ClassVar[dict[str, str]]
    fabric: Fabric

    @abstractmethod
    def dividers(self, input_hz: float) -> Iterator[Pll]:
        """All settings of the PLL that are allowed with a clock of ``input_hz`` at its input."""

    def pll(self, input_hz: float, wanted_hz: float) -> Pll:
        """The dividers that come nearest to ``wanted_hz``; :class:`CaptwinError` if none comes near."""
        return nearest(self.dividers(input_hz), input_hz, wanted_hz, self.name)

    @abstractmethod
    def clock(self, pll: Pll, input_hz: float, port: io.SingleEndedPort, clock: Signal, locked: Signal) -> Module:
        """A module with the PLL between the clock pin and the core's clock."""

    @abstractmethod
    def synthesis(self, top: str, *, waits: bool = True) -> str:
        """The Yosys command that makes ``netlist.json`` of what has been read. ``waits``: most registers of the design
        stand still at times, all at once."""

    def finish(self, netlist: str, top: str) -> str:
        """What Yosys' netlist, as JSON, should be changed to before it is placed."""
        return netlist

    def tightened(self, constraints: str) -> str:
        """The constraints as nextpnr gets them: with a faster clock where its router takes some paths for shorter than
        they turn out, so that the clock that is wanted is met."""
        return constraints

    @abstractmethod
    def place(self, part: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        """nextpnr's arguments: from ``netlist.json`` to ``routed.txt``, ``routed.json`` and ``report.json``."""

    @abstractmethod
    def pack(self, part: dict[str, str]) -> list[str]:
        """The packer's arguments: from ``routed.txt`` to the bitstream."""

    @abstractmethod
    def packed(self, cells: Cells) -> Limits:
        """What place and route reports of synthesised ``cells``, estimated."""

    @abstractmethod
    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        """How many a memory takes, of ``depth`` words of ``width`` bits, that is read at ``reads`` places a cycle;
        ``written``: it is no constant."""
