"""Whether a core fits a board, before hours of synthesis say so."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from captwin.boards.board import Board
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.memories import memory, stores
from captwin.hw.chip import Chip, Layer
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.parallel import ParallelLayers
from captwin.hw.gates.stores import MemorySize
from captwin.hw.support.errors import CaptwinError

#: a core of so many times the LUTs that there are does not fit, however wrong the estimate is
SURELY = 1.2


def block_rams(chip: Chip, options: CoreOptions, board: Board) -> int:
    """Block RAMs that weights and surfaces take at least; the small memories come on top where they are not LUTs."""
    return _block_rams(layers_of(options).memories(chip, options), board, loadable=options.loadable)


def layer_block_rams(chip: Chip, number: int, banks: int, lanes: int, board: Board, *, loadable: bool) -> int:
    """The part of :func:`block_rams` that belongs to layer ``number`` of a core with parallel layers."""
    return _block_rams(ParallelLayers.layer_memories(chip, number, banks, lanes), board, loadable=loadable)


def _block_rams(sizes: Iterable[MemorySize], board: Board, *, loadable: bool) -> int:
    return sum(memory(store, board.family).block_rams for store in stores(sizes, loadable=loadable))


def fitting(
    chip: Chip, board: Board, said: Callable[[CoreOptions], CoreOptions] = lambda options: options
) -> CoreOptions:
    """What a core of ``chip`` gets on ``board``: the board's own, or that for this chip only, or the next smaller one,
    or a serial one, whichever is thought to fit with what ``said`` makes of it.

    If none fits it is the board's own.
    """
    own = board.options(len(chip.layers))
    model = AreaModel(chip, board)
    tried = map(said, _candidates(chip, own))
    return next((some for some in tried if _fits(model, some)), said(own))


def check_fit(chip: Chip, options: CoreOptions, board: Board) -> None:
    """Raises :class:`CaptwinError`, saying what would fit, if ``board`` has too few block RAMs, or LUTs by far."""
    model = AreaModel(chip, board)
    need, have = block_rams(chip, options, board), board.limits.block_rams
    found = f"at least {need} block RAMs, there are {have}"
    if need <= have:
        need, have = model.area(options).luts, board.limits.luts
        found = f"about {need:,} LUTs, there are {have:,}"
        if need <= SURELY * have:
            return
    sizes = "-".join(map(str, chip.sizes))
    smaller = next((few for few in _candidates(chip, options) if _fits(model, few)), None)
    if smaller is None:
        advice = "no core of this chip fits; choose a smaller chip, or a board with more"
    else:
        advice = f"this may fit: {core_words(smaller)}"
    raise CaptwinError(f"{board.title}: a {sizes} core takes {found}; {advice}")


def _fits(model: AreaModel, options: CoreOptions) -> bool:
    """Whether it is thought to fit; block RAMs are counted first, since that is soon done."""
    limits = model.board.limits
    return block_rams(model.chip, options, model.board) <= limits.block_rams and model.fits(options, limits)


def _candidates(chip: Chip, options: CoreOptions) -> Iterator[CoreOptions]:
    """``options``, then the same with ever less hardware."""
    layers = len(chip.layers)
    fixed = replace(options, loadable=False)
    yield from (options, fixed)
    if not options.serial:
        for smaller in _smaller(fixed, layers):
            yield _balanced(chip, smaller)
        options = replace(options, row_banks=1, lanes=1, serial=True)
        yield from (options, replace(options, loadable=False))
    yield from _smaller(replace(options, loadable=False), layers)


def _smaller(options: CoreOptions, layers: int) -> Iterator[CoreOptions]:
    """Options with ever less hardware: pixels and banks are halved while there is more than one bank, then lanes, then
    pixels."""
    pixel_lanes = options.pixel_lanes
    banks, lanes = (options.each(name, layers) for name in ("row_banks", "lanes"))
    while max(banks + lanes) > 1 or pixel_lanes > 1:
        if max(banks) > 1:
            pixel_lanes, banks = max(pixel_lanes // 2, 1), _halved(banks)
        elif max(lanes) > 1:
            lanes = _halved(lanes)
        else:
            pixel_lanes //= 2
        yield replace(options, pixel_lanes=pixel_lanes, row_banks=banks, lanes=lanes)


def _balanced(chip: Chip, options: CoreOptions) -> CoreOptions:
    """``options`` without the lanes that only wait, since another layer takes longer for its neurons."""

    def cycles(layer: Layer, lanes: int) -> int:
        return max(-(-layer.columns // lanes), Neurons.LATENCY)

    pixel_lanes, lanes = options.pixel_lanes, list(options.each("lanes", len(chip.layers)))
    slowest = max(map(cycles, chip.layers, lanes))
    for number, layer in enumerate(chip.layers):
        while lanes[number] > 1 and cycles(layer, lanes[number] // 2) <= slowest:
            lanes[number] //= 2
    while pixel_lanes > 1 and -(-chip.pixels // (pixel_lanes // 2)) <= slowest:
        pixel_lanes //= 2
    return replace(options, pixel_lanes=pixel_lanes, lanes=tuple(lanes))


def _halved(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(number // 2, 1) for number in numbers)


def core_words(options: CoreOptions) -> str:
    """``options`` as they are said on the command line."""
    words = ["--loadable" if options.loadable else "--fixed", "--serial" if options.serial else "--parallel"]
    words += ["--trace"] * options.trace + [f"--pixel-lanes {options.pixel_lanes}"]
    for name in () if options.serial else ("row_banks", "lanes"):
        said = getattr(options, name)
        words.append(f"--{name.replace('_', '-')} {','.join(map(str, said)) if isinstance(said, tuple) else said}")
    return " ".join(words)
