"""What a memory becomes: block RAM, distributed RAM, or LUTs and flip-flops."""

from collections.abc import Iterable
from math import ceil

from captwin.boards.families.fabric import Cells
from captwin.boards.families.family import Family
from captwin.boards.sizing.gate_count import Store
from captwin.hw.gates.stores import MemorySize

#: What a bit of soft logic costs where Yosys compares it with block RAM, a LUT being 1: of a constant, and of what can
#: be written where LUTs cannot be RAM. Yosys does not document this; the numbers are fitted to the builds in
#: `docs/performance.md`, whose memories they all sort as Yosys did.
CONSTANT_BIT = 1 / 16
WRITTEN_BIT = 1


def stores(sizes: Iterable[MemorySize], *, loadable: bool) -> list[Store]:
    """Memories of these sizes, of which nothing is known to be the same in every word."""
    writes = int(loadable)
    return [Store(size.width, size.depth, size.reads, writes, size.block, constant=0) for size in sizes]


def memory(store: Store, family: Family) -> Cells:
    """What synthesis for ``family`` makes of ``store``."""
    if not is_logic(store, family):
        return Cells(block_rams=_blocks(store, family))
    if not store.writes:
        words = ceil(store.depth / 16)
        muxes = 0 if family.fabric.wide_luts else words - 1
        return Cells(luts=store.live * store.reads * (words + muxes), flip_flops=store.live * store.reads)
    if family.fabric.lut_rams:
        return Cells(luts=4 * _lut_rams(store), flip_flops=store.width * store.reads)
    return Cells(luts=store.bits, flip_flops=store.bits + store.width)


def is_logic(store: Store, family: Family) -> bool:
    """Whether ``store`` does not become block RAM, as Yosys decides by comparing costs."""
    if store.block or store.soft:
        return store.soft
    cost = family.fabric.block_ram_cost * _blocks(store, family)
    if not store.writes:
        return CONSTANT_BIT * store.bits * store.reads <= cost
    if family.fabric.lut_rams:
        return 4 * _lut_rams(store) < cost
    return WRITTEN_BIT * store.bits < cost


def _blocks(store: Store, family: Family) -> int:
    return family.block_rams(store.width, store.depth, store.reads, written=bool(store.writes))


def _lut_rams(store: Store) -> int:
    """Distributed RAMs of 4 bits by 16 words."""
    return ceil(store.width / 4) * ceil(store.depth / 16) * store.reads
