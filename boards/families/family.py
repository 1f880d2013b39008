"""What the flow needs to know of an FPGA family: its PLL, and how its tools are called."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from amaranth import Module, Signal
from amaranth.lib import io

from captwin.boards.families.pll import Pll


@dataclass(frozen=True)
class Limits:
    """What a device has: lookup tables of four inputs, flip-flops, block RAMs, multipliers."""

    luts: int
    flip_flops: int
    block_rams: int
    multipliers: int


@dataclass(frozen=True)
class Cells:
    """What synthesis makes of some gates, estimated."""

    luts: float = 0.0
    flip_flops: float = 0.0
    block_rams: int = 0
    multipliers: int = 0
    carries: int = 0  #: chains of carries
    paired: float = 0.0  #: of the flip-flops, those known to be behind a LUT of their own

    def __add__(self, other: "Cells") -> "Cells":
        return Cells(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


class Family(Protocol):
    """One FPGA family; every tool is called in the build's folder, with the file names below."""

    #: tools that a build needs: synthesis, place and route, packing
    tools: tuple[str, str, str]
    #: PyPI package of each of them
    packages: tuple[str, str, str]
    #: name of the constraint file among those that Amaranth's platform prepares, and of the bitstream
    constraints: str
    bitstream: str
    #: by the names of :class:`Limits`: what nextpnr calls them
    resources: ClassVar[dict[str, str]]

    #: as Yosys maps: bits of a multiplier's factors less their sign (0 without multipliers), and the rest of a wider
    #: factor that still takes a multiplier; cost of a block RAM, a LUT being 1; whether LUTs can be RAM, and whether
    #: they combine to wider ones for nothing
    factor_bits: int
    least_factor_bits: int
    block_cost: int
    lut_rams: bool
    wide_luts: bool
    #: whether flip-flops have enables, and block RAMs and multipliers registers at their outputs, that the flow uses
    clock_enables: bool
    output_registers: bool
    #: names of memories that the flow keeps out of block RAM
    soft: tuple[str, ...]

    def pll(self, input_hz: float, wanted_hz: float) -> Pll:
        """The dividers that come nearest to ``wanted_hz``."""

    def clock(self, pll: Pll, input_hz: float, port: io.SingleEndedPort, clock: Signal, locked: Signal) -> Module:
        """A module with the PLL between the clock pin and the core's clock."""

    def synthesis(self, top: str) -> str:
        """The Yosys command that makes ``netlist.json`` of what has been read."""

    def finish(self, netlist: str, top: str) -> str:
        """What Yosys' netlist, as JSON, should be changed to before it is placed."""

    def tightened(self, constraints: str) -> str:
        """The constraints as nextpnr gets them: where its router takes some paths for shorter than they turn out, with
        a faster clock, so that the one that is wanted is met."""

    def place(self, device: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        """nextpnr's arguments: from ``netlist.json`` to ``routed.txt``, ``routed.json`` and ``report.json``."""

    def pack(self, device: dict[str, str]) -> list[str]:
        """The packer's arguments: from ``routed.txt`` to the bitstream."""

    def packed(self, cells: Cells) -> Limits:
        """What place and route reports of synthesised ``cells``, estimated."""

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        """How many a memory takes, of ``depth`` words of ``width`` bits, that is read at ``reads`` places a cycle, and
        written too or not."""


def blocks(width: int, depth: int, shapes: Iterable[tuple[int, int]]) -> int:
    """Blocks of the best of ``shapes``, (width, depth), for a memory of that size."""
    return min(-(-width // wide) * -(-depth // deep) for wide, deep in shapes)
