"""What a core takes of an FPGA, estimated block by block before any synthesis.

Its gates are counted in the netlist that Amaranth makes of each block; the numbers below, and those of the families,
say what synthesis makes of them. `docs/performance.md`, "Area", compares with real builds.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
from amaranth.hdl import Elaboratable

from boards.board import Board
from boards.family import Cells, Family, Limits
from boards.memories import is_logic, memory
from boards.netlist import Gates, Store, count
from boards.selftest import Expected, SelfTest
from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.crossbar import Crossbar
from hw.neuron import Neurons

#: LUTs for each bit of sums and of choices: of a crossbar, whose sums have many terms; of neurons, where constants fold
#: many; of all else
CROSSBAR, NEURONS, OTHER = 1.0, 0.42, 0.6
#: LUTs for each bit of masks and tests, and for each pair of bits that LUTs multiply
TEST, PRODUCT = 0.3, 1.8
#: flip-flops that synthesis saves for each bit of the parameters that is the same for all neurons: along the pipeline
FOLDED = 6.9
#: LUTs and flip-flops of what is in no block: PLL, reset, heartbeat, LEDs, and the core's few own
TOP = (100, 54)


class AreaModel:
    """Estimates cores of one chip on one board; what it has counted of a block it keeps."""

    def __init__(self, chip: Chip, board: Board) -> None:
        self.chip = chip
        self.board = board
        self._kept: dict[tuple[object, ...], Cells] = {}

    def area(self, options: CoreOptions) -> Limits:
        """What a core takes with the self-test around it, as place and route would report it."""
        return self.board.family.packed(reduce(add, self.blocks(options)))

    def fits(self, options: CoreOptions, room: Limits) -> bool:
        """Whether a core takes no more than ``room`` of anything; what is too large is found as early as possible."""
        total = Cells()
        for cells in self.blocks(options):
            total += cells
            used = self.board.family.packed(total)
            if any(getattr(used, name) > limit for name, limit in vars(room).items()):
                return False
        return True

    def blocks(self, options: CoreOptions) -> Iterator[Cells]:
        """The parts of a core and of what a board adds, those that are soon counted and large first."""
        core = Core(self.chip, options)
        yield Cells(*TOP)
        for number, layer in enumerate(core.layers):
            yield self._cells(f"neurons {number}", layer.neurons.lanes, layer.neurons)
        for number, layer in enumerate(core.layers):
            sizes = layer.crossbar.banks, layer.crossbar.lanes
            yield self._cells(f"crossbar {number}", sizes, layer.crossbar)
        yield self._cells("encoder", options.pixel_lanes, core.encoder)
        yield self._cells("readout", core.readout.lanes, core.readout)
        for number, layer in enumerate(core.layers):
            yield self._cells(f"events {number}", (layer.events.width, layer.events.banks), layer.events)
        blank = Expected(np.zeros(self.chip.pixels, np.uint8), 0, *((0,) * self.chip.classes for _ in range(2)))
        yield self._cells("self-test", options.pixel_lanes, SelfTest(core, blank))

    def _cells(self, name: str, sizes: object, block: Elaboratable) -> Cells:
        key = (name, sizes)
        if key not in self._kept:
            self._kept[key] = _block(block, self.board.family)
        return self._kept[key]


def _block(block: Elaboratable, family: Family) -> Cells:
    """What synthesis for ``family`` makes of ``block``."""
    if isinstance(block, Crossbar):
        return _cells(_crossbar(block), family, CROSSBAR)
    if not isinstance(block, Neurons):
        return _cells(count(block), family, OTHER)
    gates = _neurons(block)
    constant = sum(store.constant for store in gates.stores if is_logic(store, family))
    return _cells(gates, family, NEURONS) + Cells(flip_flops=-FOLDED * constant)


def _cells(gates: Gates, family: Family, luts: float) -> Cells:
    """What synthesis makes of ``gates``, with so many ``luts`` for each bit of sums and choices."""
    total = Cells(
        luts=luts * (gates.sums + gates.choices) + TEST * (gates.masks + gates.tests),
        flip_flops=gates.flip_flops,
        carries=gates.carries,
    )
    for one, other in gates.products:
        if family.factor_bits:
            total += Cells(multipliers=_pieces(one, family) * _pieces(other, family))
        else:
            total += Cells(luts=PRODUCT * one * other)
    return reduce(add, (memory(store, family) for store in gates.stores), total)


def _pieces(width: int, family: Family) -> int:
    """Multipliers that a signed factor is spread over; a small rest is left to LUTs."""
    whole, rest = divmod(width - 1, family.factor_bits)
    return max(1, whole + (rest >= family.least_factor_bits))


def _crossbar(block: Crossbar) -> Gates:
    """Counted with two words of columns, the rest being like the last of them, and without its many weights."""
    rows, banks = block.charges.shape[0], block.banks

    def narrowed(columns: int) -> Gates:
        blank = np.zeros((rows, columns), np.int16)
        return count(Crossbar(blank, block.formats, width=1, banks=banks, lanes=block.lanes))

    few = 2 * block.lanes
    if block.columns <= few:
        found = narrowed(block.columns)
    else:
        wide = narrowed(few)
        found = _grown(narrowed(few - 1), wide, block.columns - few, wide.stores)
    weights = Store(block.formats.charge_bits * block.columns, block.places.shape[1], 1, 0, block=False, constant=0)
    queue = tuple(store for store in found.stores if store.writes)
    return replace(found, stores=(*queue, *[weights] * banks))


def _neurons(block: Neurons) -> Gates:
    """Counted with one and with two lanes, the rest being alike."""

    def narrowed(lanes: int) -> Gates:
        return count(Neurons(block.layer, block.formats, steps=block.steps, lanes=lanes, shows=block.shows))

    if block.lanes <= 2:
        return narrowed(block.lanes)
    one, two = narrowed(1), narrowed(2)
    more = block.lanes - 2
    stores = tuple(
        replace(
            after,
            depth=after.depth if after.depth == before.depth else block.words,
            **{
                name: getattr(after, name) + more * (getattr(after, name) - getattr(before, name))
                for name in ("width", "reads", "constant")
            },
        )
        for before, after in zip(one.stores, two.stores, strict=True)
    )
    return _grown(one, two, more, stores)


def _grown(before: Gates, after: Gates, times: int, stores: tuple[Store, ...]) -> Gates:
    """``after``, and ``times`` what it has more than ``before``; with ``stores``."""
    grown = {
        name: getattr(after, name) + times * (getattr(after, name) - getattr(before, name))
        for name in ("flip_flops", "sums", "carries", "choices", "masks", "tests")
    }
    products = after.products + times * after.products[len(before.products) :]
    return replace(after, **grown, products=products, stores=stores)
