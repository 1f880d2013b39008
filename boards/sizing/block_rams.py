"""The block RAMs of a core's large memories, which are soon counted."""

from collections.abc import Iterable

from captwin.boards.board import Board
from captwin.boards.sizing.memories import memory, stores
from captwin.hw.chip import Chip
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.parallel import ParallelLayers
from captwin.hw.gates.stores import MemorySize


def block_rams(chip: Chip, options: CoreOptions, board: Board) -> int:
    """Block RAMs that weights and surfaces take at least; the small memories come on top where they are not LUTs."""
    return _block_rams(layers_of(options).memories(chip, options), board, loadable=options.loadable)


def layer_block_rams(chip: Chip, number: int, banks: int, lanes: int, board: Board, *, loadable: bool) -> int:
    """The part of :func:`block_rams` that belongs to layer ``number`` of a core with parallel layers."""
    return _block_rams(ParallelLayers.layer_memories(chip, number, banks, lanes), board, loadable=loadable)


def _block_rams(sizes: Iterable[MemorySize], board: Board, *, loadable: bool) -> int:
    return sum(memory(store, board.family).block_rams for store in stores(sizes, loadable=loadable))
