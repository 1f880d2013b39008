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
    return sum(
        layer_block_rams(chip, number, *size, board, loadable=options.loadable) for number, size in enumerate(sizes)
    )


def layer_block_rams(chip: Chip, number: int, banks: int, lanes: int, board: Board, *, loadable: bool) -> int:
    """The part of :func:`block_rams` that belongs to layer ``number``."""
    layer, formats = chip.layers[number], chip.formats
    stores = weights(layer.rows, layer.columns, formats.charge_bits, banks, loadable=loadable)
    stores += [
        Store(
            formats.membrane_bits,
            layer.surfaces[:, v_parity::2, u_parity::2].size,
            reads=lanes,
            writes=int(loadable),
            block=True,
            constant=0,
        )
        for v_parity in (0, 1)
        for u_parity in (0, 1)
    ]
    return sum(memory(store, board.family).block_rams for store in stores)


def fitting(chip: Chip, board: Board) -> CoreOptions:
    """What a core of ``chip`` gets on ``board`` if nothing is said: the board's own, or that for this chip only, or the
    next smaller one.

    If none fits it is the board's own.
    """
    own = board.options(len(chip.layers))
    fixed = replace(own, loadable=False)
    return next((some for some in (own, fixed, *_smaller(fixed, len(chip.layers))) if _fits(chip, some, board)), own)


def check_fit(chip: Chip, options: CoreOptions, board: Board) -> None:
    """Raises :class:`CaptwinError`, saying what would fit, if ``board`` has too few block RAMs."""
    if _fits(chip, options, board):
        return
    sizes = "-".join(map(str, chip.sizes))
    fixed = replace(options, loadable=False)
    smaller = next((few for few in (fixed, *_smaller(fixed, len(chip.layers))) if _fits(chip, few, board)), None)
    if smaller is None:
        advice = "no core of this chip fits; choose a smaller chip, or a board with more"
    else:
        advice = f"this may fit: {core_words(smaller)}"
    need, have = block_rams(chip, options, board), board.limits.block_rams
    raise CaptwinError(f"{board.title}: a {sizes} core takes at least {need} block RAMs, there are {have}; {advice}")


def _fits(chip: Chip, options: CoreOptions, board: Board) -> bool:
    return block_rams(chip, options, board) <= board.limits.block_rams


def _smaller(options: CoreOptions, layers: int) -> Iterator[CoreOptions]:
    """Options with ever less hardware: pixels and banks are halved while there is more than one bank, then lanes."""
    pixel_lanes = options.pixel_lanes
    banks, lanes = (options.each(name, layers) for name in ("row_banks", "lanes"))
    while max(banks + lanes) > 1:
        if max(banks) > 1:
            pixel_lanes, banks = max(pixel_lanes // 2, 1), _halved(banks)
        else:
            lanes = _halved(lanes)
        yield replace(options, pixel_lanes=pixel_lanes, row_banks=banks, lanes=lanes)


def _halved(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(number // 2, 1) for number in numbers)


def core_words(options: CoreOptions) -> str:
    """``options`` as they are said on the command line."""
    words = ["--loadable" if options.loadable else "--fixed", f"--pixel-lanes {options.pixel_lanes}"]
    for name in ("row_banks", "lanes"):
        said = getattr(options, name)
        words.append(f"--{name.replace('_', '-')} {','.join(map(str, said)) if isinstance(said, tuple) else said}")
    return " ".join(words)
