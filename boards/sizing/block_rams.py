"""The block RAMs of a core's large memories, which are soon counted."""

from collections.abc import Sequence

from captwin.boards.board import Board
from captwin.boards.sizing.gate_count import Store
from captwin.boards.sizing.memories import memory, weights
from captwin.hw.chip import Chip, Layer
from captwin.hw.gates.core import CoreOptions
from captwin.hw.gates.tables import SurfaceStore, own_tables


def block_rams(chip: Chip, options: CoreOptions, board: Board) -> int:
    """Block RAMs that weights and surfaces take at least; the small memories come on top where they are not LUTs."""
    layers = len(chip.layers)
    if options.serial:
        bits, writes = chip.formats.charge_bits, int(options.loadable)
        stores = [Store(bits, layer.charges.size, 1, writes, block=False, constant=0) for layer in chip.layers]
        stores += _surfaces(chip, own_tables(chip.layers), 1, writes)
        return sum(memory(store, board.family).block_rams for store in stores)
    sizes = zip(options.each("row_banks", layers), options.each("lanes", layers), strict=True)
    return sum(
        layer_block_rams(chip, number, *size, board, loadable=options.loadable) for number, size in enumerate(sizes)
    )


def layer_block_rams(chip: Chip, number: int, banks: int, lanes: int, board: Board, *, loadable: bool) -> int:
    """The part of :func:`block_rams` that belongs to layer ``number`` of a core that is not serial."""
    layer = chip.layers[number]
    stores = weights(layer.rows, layer.columns, chip.formats.charge_bits, banks, loadable=loadable)
    stores += _surfaces(chip, [layer], lanes, int(loadable))
    return sum(memory(store, board.family).block_rams for store in stores)


def _surfaces(chip: Chip, layers: Sequence[Layer], lanes: int, writes: int) -> list[Store]:
    """The memories of surfaces, with ``lanes`` read places each."""
    contents = SurfaceStore.contents(layers, chip.formats)
    return [Store(part.width, len(part.words), lanes, writes, block=True, constant=0) for part in contents]
