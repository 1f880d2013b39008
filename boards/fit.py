"""Whether a core fits a board, before hours of synthesis say so."""

from collections.abc import Iterator
from dataclasses import replace

from boards.board import Board
from boards.memories import memory, weights
from boards.netlist import Store
from hw.chip import Chip
from hw.core import CoreOptions
from hw.errors import CaptwinError


def block_rams(chip: Chip, options: CoreOptions, board: Board) -> int:
    """Block RAMs that weights and surfaces take at least; the small memories come on top where they are not LUTs."""
    layers = len(chip.layers)
    sizes = zip(options.each("row_banks", layers), options.each("lanes", layers), strict=True)
    return sum(layer_block_rams(chip, number, *size, board) for number, size in enumerate(sizes))


def layer_block_rams(chip: Chip, number: int, banks: int, lanes: int, board: Board) -> int:
    """The part of :func:`block_rams` that belongs to layer ``number``."""
    layer, formats = chip.layers[number], chip.formats
    stores = weights(layer.rows, layer.columns, formats.charge_bits, banks)
    stores += [
        Store(
            formats.membrane_bits,
            layer.surfaces[:, v_parity::2, u_parity::2].size,
            reads=lanes,
            writes=0,
            block=True,
            constant=0,
        )
        for v_parity in (0, 1)
        for u_parity in (0, 1)
    ]
    return sum(memory(store, board.family).block_rams for store in stores)


def check_fit(chip: Chip, options: CoreOptions, board: Board) -> None:
    """Raises :class:`CaptwinError`, saying what would fit, if ``board`` has too few block RAMs."""
    have = board.limits.block_rams
    need = block_rams(chip, options, board)
    if need <= have:
        return
    sizes = "-".join(map(str, chip.sizes))
    smaller = next((few for few in _smaller(options, len(chip.layers)) if block_rams(chip, few, board) <= have), None)
    if smaller is None:
        advice = "no core of this chip fits; choose a smaller chip, or a board with more"
    else:
        banks, lanes = (",".join(map(str, smaller.each(name, len(chip.layers)))) for name in ("row_banks", "lanes"))
        advice = f"this may fit: --row-banks {banks} --lanes {lanes}"
    raise CaptwinError(f"{board.title}: a {sizes} core takes at least {need} block RAMs, there are {have}; {advice}")


def _smaller(options: CoreOptions, layers: int) -> Iterator[CoreOptions]:
    """Options with ever fewer banks and lanes: the largest number, first layer first, is halved each time."""
    banks, lanes = (list(options.each(name, layers)) for name in ("row_banks", "lanes"))
    while max(banks + lanes) > 1:
        numbers = lanes if max(lanes) >= max(banks) else banks
        numbers[numbers.index(max(numbers))] //= 2
        yield replace(options, row_banks=tuple(banks), lanes=tuple(lanes))
