"""What a core takes of an FPGA, estimated block by block before any synthesis.

Its gates are counted in the netlist that Amaranth makes of each block; the numbers below, and those of the families,
say what synthesis makes of them. `docs/performance.md`, "Area", compares with real builds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add

import numpy as np
from amaranth.hdl import Elaboratable

from captwin.boards.board import Board
from captwin.boards.families.fabric import Cells, Limits
from captwin.boards.families.family import Family
from captwin.boards.sizing.gate_count import Gates, Store, count
from captwin.boards.sizing.memories import is_logic, memory, stores
from captwin.hw.chip import PIXEL_BITS, Chip, Layer
from captwin.hw.gates.core import COUNTER_BITS, Core
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.serial import SerialLayers
from captwin.hw.gates.stores import BYTE, load_bus
from captwin.hw.link.linked_core import LinkedCore
from captwin.hw.link.selftest import Expected


@dataclass(frozen=True)
class LutCost:
    """LUTs that synthesis makes of a block's logic, for each bit; fitted to builds."""

    sums: float  #: of sums and of choices
    masks: float  #: of bitwise operators and of choices between something and zero


#: sums have many terms, and masks keep them from rows without an event
CROSSBAR = LutCost(sums=1.0, masks=0.55)
#: constants fold many sums
NEURONS = LutCost(sums=0.5, masks=0.3)
#: fewer bits of its sums are kept than are made
ENCODER = LutCost(sums=0.32, masks=0.8)
OTHER = LutCost(sums=0.6, masks=0.3)
#: LUTs for each bit that is compared or reduced, and for each pair of bits that is multiplied without a multiplier
TEST, PRODUCT = 0.3, 1.8
#: share of neurons' flip-flops that stay: the others hold bits that nobody reads
READ = 0.87
#: flip-flops that synthesis saves, along the pipeline, for each bit of the parameters that all neurons have in common
FOLDED = 6.9
#: what is in no block: PLL, reset, heartbeat, LEDs, and the few gates of the core itself
TOP = Cells(luts=168, flip_flops=22)


class AreaModel:
    """Estimates cores of one chip on one board. It counts each block once, and remembers what synthesis makes of it."""

    def __init__(self, chip: Chip, board: Board) -> None:
        self.chip = chip
        self.board = board
        self._counted: dict[tuple[object, ...], Cells] = {}

    def area(self, options: CoreOptions) -> Limits:
        """What a core takes with the link and self-test around it, as place and route would report it."""
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
        alike = options.kind, options.loadable, options.change_events, options.trace and options.lanes
        cells = partial(self._cells, alike)
        arrivals = Store(COUNTER_BITS, core.in_flight - 1, reads=1, writes=1, block=False, constant=0)
        yield TOP + memory(arrivals, self.board.family)
        yield cells("identity", 0, core.identity)
        for block in core.layers.blocks():
            yield cells(*block)
        yield cells("encoder", options.pixel_lanes, core.encoder)
        yield cells("readout", core.readout.lanes, core.readout)
        zeros = (0,) * self.chip.classes
        blank = Expected(np.zeros(self.chip.pixels, np.uint8), 0, 1, zeros, zeros)
        linked = LinkedCore(core, blank, clock_hz=self.board.clock_hz, baud=self.board.line.baud)
        yield cells("link", options.pixel_lanes, linked.link)
        yield cells("port", 0, linked.port)
        yield cells("self-test", 0, linked.test)

    def _cells(self, options: object, name: str, sizes: object, block: Elaboratable) -> Cells:
        key = (options, name, sizes)
        if key not in self._counted:
            self._counted[key] = _block(block, self.board.family)
        return self._counted[key]


def _block(block: Elaboratable, family: Family) -> Cells:
    """What synthesis for ``family`` makes of ``block``."""
    if isinstance(block, Crossbar):
        return _crossbar(block, family)
    if isinstance(block, Neurons):
        gates = _neurons(block, family)
        constant = sum(store.constant for store in gates.stores if is_logic(store, family))
        moved = 0.0
        if family.fabric.output_registers:  # behind a cell's corners in block RAM, and behind products
            products = sum(a_bits + b_bits for a_bits, b_bits in gates.products if _pieces(a_bits, family) == 1)
            moved = 4 * block.formats.membrane_bits * block.lanes + READ * products
        unread = (1 - READ) * gates.flip_flops
        return _cells(gates, family, NEURONS) + Cells(flip_flops=-FOLDED * constant - unread - moved)
    if isinstance(block, SerialLayers):
        gates = count(block)
        return _cells(gates, family, OTHER) + Cells(paired=gates.flip_flops)  # no pipeline, whose registers have none
    if isinstance(block, SpikeEncoder):
        moved = PIXEL_BITS * block.lanes if family.fabric.output_registers else 0
        return _cells(count(block), family, ENCODER) + Cells(flip_flops=-moved)
    return _cells(_softened(count(block), family), family, OTHER)


def _cells(gates: Gates, family: Family, cost: LutCost) -> Cells:
    """What synthesis makes of ``gates``, with LUTs as ``cost`` has them."""
    choices = gates.choices + (0 if family.fabric.clock_enables else gates.enables)
    total = Cells(
        luts=cost.sums * (gates.sums + choices) + cost.masks * gates.masks + TEST * gates.tests,
        flip_flops=gates.flip_flops,
        carries=gates.carries,
    )
    for a_bits, b_bits in gates.products:
        if family.fabric.factor_bits:
            total += Cells(multipliers=_pieces(a_bits, family) * _pieces(b_bits, family))
        else:
            total += Cells(luts=PRODUCT * a_bits * b_bits)
    return reduce(add, (memory(store, family) for store in gates.stores), total)


def _pieces(width: int, family: Family) -> int:
    """Multipliers that a signed factor is spread over; a small rest is left to LUTs."""
    whole, rest = divmod(width - 1, family.fabric.factor_bits)
    return max(1, whole + (rest >= family.fabric.least_factor_bits))


def _crossbar(block: Crossbar, family: Family) -> Cells:
    """A crossbar of one column and one of two are counted, without weights; each further column adds the difference.

    To that come the weights, the registers on the way to later groups of columns, and the tree by which words leave.
    """
    rows, columns, banks, bits = block.charges.shape[0], block.columns, block.banks, block.formats.charge_bits

    def counted(columns: int, changes: bool) -> Gates:
        blank = np.zeros((rows, columns), np.int16)
        numbered = block.stores_from
        narrow = Crossbar(
            blank, block.formats, width=1, banks=banks, lanes=columns, changes=changes, stores_from=numbered
        )
        gates = count(narrow)
        return replace(gates, stores=tuple(store for store in gates.stores if store.name == "storage"))

    def narrowed(columns: int) -> Gates:
        gates = counted(columns, block.changes)
        if not block.changes:
            return gates
        # What inverted codes lack is a carry into sums that are there anyway. Inverting takes a LUT a bit, since no
        # flip-flop's reset does it.
        plain = counted(columns, False)
        return replace(gates, sums=plain.sums, carries=plain.carries, masks=plain.masks)

    single, double = narrowed(1), narrowed(2)
    queue = tuple(replace(store, width=block.lanes * block.sum_shape.width) for store in double.stores)
    total = _cells(_grown(single, double, columns - 2, queue), family, CROSSBAR)

    weights = stores(Crossbar.memories(rows, columns, bits, banks), loadable=block.stores_from is not None)
    total += reduce(add, (memory(store, family) for store in weights))
    if family.fabric.output_registers:
        total += Cells(flip_flops=-sum(store.width for store in weights if not is_logic(store, family)))

    late = (columns - 1) // block.GROUP
    second = sum(column // block.GROUP % 2 for column in range(columns))  # in the second group of their memory
    row_bits = (block.places.shape[1] - 1).bit_length()
    total += Cells(flip_flops=late * (banks + 2) + (late - late % 2) * banks * (row_bits + 1) + second * banks * bits)
    if block.changes:
        total += Cells(luts=columns * banks * bits, flip_flops=late * banks)

    if block.stores_from is not None:  # registers of bus, word and enables for each two groups but the first
        registers = load_bus().size + BYTE * max(entry.word_bytes for entry in block.contents) + banks
        total += Cells(flip_flops=registers * ((columns - 1) // (2 * block.GROUP)))

    words, fan_in = block.words, 2
    while words > 1:
        words, fan_in = -(-words // fan_in), 4
        # A LUT for each of its registers: of two words and their turn, or of four words.
        total += Cells(luts=words * block.lanes * block.sum_shape.width) + Cells(
            flip_flops=words * block.lanes * block.sum_shape.width
        )
    if block.words > 1:  # whose turn it is, and what tells it
        total += Cells(flip_flops=block.words + 2 * sum(-(-block.words // reach) for reach in block.SPREAD))
    return total


def _neurons(block: Neurons, family: Family) -> Gates:
    """Neurons of one lane and of two are counted, with as many words; each further lane adds the difference."""
    if block.lanes <= 2:
        return _softened(count(block), family)

    def narrowed(lanes: int) -> Gates:
        layer = _fewer(block.layer, block.words * lanes)
        gates = count(
            Neurons(
                layer,
                block.formats,
                steps=block.steps,
                lanes=lanes,
                shows=block.shows,
                stores_from=block.stores_from,
            )
        )
        return _softened(gates, family)

    single, double = narrowed(1), narrowed(2)
    more = block.lanes - 2
    first = {store.name: store for store in single.stores}
    stores: list[Store] = []
    for store in double.stores:
        if store.name[-1].isdigit():  # a lane's own
            stores += [store] if store.name in first else (1 + more) * [store]
            continue
        grown = {
            name: getattr(store, name) + more * (getattr(store, name) - getattr(first[store.name], name))
            for name in ("width", "reads", "constant")
        }
        stores.append(replace(store, **grown))
    return _grown(single, double, more, tuple(stores))


def _fewer(layer: Layer, columns: int) -> Layer:
    """The first ``columns`` neurons of ``layer``, with parameters that differ in the same bits as all of them do."""

    def few(codes: np.ndarray) -> np.ndarray:
        first = codes[:columns].copy()
        first[0], first[-1] = np.bitwise_and.reduce(codes), np.bitwise_or.reduce(codes)
        return first

    half = 1 << (layer.shift - 1)  # in the stored offset
    return replace(
        layer,
        charges=layer.charges[:, :columns],
        gains=few(layer.gains),
        offsets=few(layer.offsets + half) - half,
        threshold_offsets=few(layer.threshold_offsets),
    )


def _softened(gates: Gates, family: Family) -> Gates:
    """``gates``, with those memories marked that ``family`` keeps out of block RAM."""
    return replace(
        gates,
        stores=tuple(
            replace(store, soft=store.name.rstrip("0123456789") in family.fabric.soft_memories)
            for store in gates.stores
        ),
    )


def _grown(before: Gates, after: Gates, times: int, stores: tuple[Store, ...]) -> Gates:
    """``after`` and ``times`` over what it has more than ``before``, with ``stores`` as its memories."""
    grown = {
        name: getattr(after, name) + times * (getattr(after, name) - getattr(before, name))
        for name in ("flip_flops", "sums", "carries", "choices", "enables", "masks", "tests")
    }
    products = after.products + times * after.products[len(before.products) :]
    return replace(after, **grown, products=products, stores=stores)
