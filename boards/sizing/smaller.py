"""Options with ever less hardware, for boards on which a core does not fit."""

from collections.abc import Iterator
from dataclasses import replace

from captwin.hw.chip import Chip, Layer
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.options import SIZED_BY, CoreOptions


def ever_smaller(chip: Chip, options: CoreOptions) -> Iterator[CoreOptions]:
    """``options``, then the same for this chip only, then with ever less hardware; then all that again with each kind
    of layers that takes less."""
    layers = len(chip.layers)
    kinds = list(SIZED_BY)
    for kind in kinds[kinds.index(options.kind) :]:
        if kind != options.kind:
            options = options.of_kind(kind)
        fixed = replace(options, loadable=False)
        yield from (options, fixed)
        for smaller in _halvings(fixed, layers):
            yield _balanced(chip, smaller) if "lanes" in SIZED_BY[kind] else smaller


def _halvings(options: CoreOptions, layers: int) -> Iterator[CoreOptions]:
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
        return max(-(-layer.columns // lanes), Neurons.latency(layer))

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
