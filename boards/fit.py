"""Whether a core fits a board, before hours of synthesis say so."""

from collections.abc import Iterator
from dataclasses import replace

from boards.board import Board
from hw.chip import Chip
from hw.core import CoreOptions
from hw.errors import CaptwinError


def block_rams(chip: Chip, options: CoreOptions, board: Board) -> int:
    """Block RAMs that weights and surfaces take at least; the small memories come on top where they are not LUTs."""
    layers = len(chip.layers)
    formats = chip.formats
    total = 0
    for layer, banks, lanes in zip(
        chip.layers, options.each("row_banks", layers), options.each("lanes", layers), strict=True
    ):
        row_bits = formats.charge_bits * layer.columns
        total += banks * board.family.block_rams(row_bits, -(-layer.rows // banks), ports=1)
        for v_parity in (0, 1):
            for u_parity in (0, 1):
                knots = layer.surfaces[:, v_parity::2, u_parity::2].size
                total += board.family.block_rams(formats.membrane_bits, knots, ports=lanes)
    return total


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
