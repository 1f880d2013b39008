"""What an FPGA is made of: how many cells a device has, how synthesis maps to them, how many some gates take."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Numbers of lookup tables of four inputs, flip-flops, block RAMs and multipliers: what a device has, or what a
    core takes of it."""

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


@dataclass(frozen=True)
class Fabric:
    """How Yosys maps gates to a family's cells, and which of the cells' features the flow uses."""

    #: bits of a multiplier's signed factors, their sign not counted; 0 without multipliers
    factor_bits: int
    #: a factor that is wider by at least so many bits takes one more multiplier; fewer bits are left to LUTs
    least_factor_bits: int
    #: what a block RAM costs, a LUT being 1
    block_ram_cost: int
    #: whether LUTs can be RAM
    lut_rams: bool
    #: whether LUTs combine to wider ones without taking others
    wide_luts: bool
    #: whether flip-flops have clock enables
    clock_enables: bool
    #: whether block RAMs and multipliers have registers at their outputs
    output_registers: bool
    #: names of memories that are kept out of block RAM
    soft_memories: tuple[str, ...] = ()


def block_count(width: int, depth: int, shapes: Iterable[tuple[int, int]]) -> int:
    """Block RAMs for ``depth`` words of ``width`` bits, in the best of ``shapes``, each (width, depth) of a block."""
    return min(-(-width // block_width) * -(-depth // block_depth) for block_width, block_depth in shapes)
