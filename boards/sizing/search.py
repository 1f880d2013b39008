"""Which core of a chip is the fastest that fits a board."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import log
from typing import Protocol

from captwin.boards.board import Board
from captwin.boards.families.fabric import Limits
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.block_rams import block_rams, layer_block_rams
from captwin.boards.sizing.fit import SizedCore
from captwin.hw.chip import Chip
from captwin.hw.gates.options import LARGEST, ON_REQUEST, SIZED_BY, CoreOptions
from captwin.hw.support.progress import Progress, silent

#: cores whose rates or latencies differ by less, as a share, count as equally fast, and the smaller one is the better
ALIKE = 0.01
#: cores that are tried at most, those with the best bounds first
TRIES = 500


class Load(Protocol):
    """What :class:`Workload` knows of the cycles an image that each part of a core needs by itself."""

    def encoder_busy(self, pixel_lanes: int) -> float: ...

    def crossbar_busy(self, number: int, width: int, banks: int, lanes: int, *, change_events: bool) -> float: ...

    def neurons_busy(self, number: int, lanes: int) -> float: ...

    def readout_busy(self, lanes: int) -> float: ...

    def layers_busy(self, options: CoreOptions) -> dict[str, float]: ...


@dataclass(frozen=True)
class FastCore:
    """A core that fits, and how fast it is."""

    core: SizedCore
    cycles: float  #: an image
    latency: float  #: cycles from first pixel to result, on average


def search(
    model: AreaModel,
    load: Load,
    measure: Callable[[CoreOptions], tuple[float, float]],
    *,
    loadable: bool,
    change_events: bool = False,
    keep: int = 5,
    margin: float = 0.1,
    progress: Progress = silent,
) -> list[FastCore]:
    """The ``keep`` fastest cores of the model's chip on its board, ``loadable`` or not, with ``change_events`` or not,
    that leave ``margin`` (of 1) of LUTs, flip-flops and block RAMs free.

    ``measure`` gives cycles an image and latency of a core. Cores are tried in the order of a bound, their busiest
    part's cycles, until no other can be better, or TRIES have been. ``progress`` is called with how many have been.
    """
    chip, room = model.chip, _room(model.board, margin)
    like = CoreOptions(loadable=loadable, change_events=change_events)
    fastest: list[FastCore] = []
    too_large: list[CoreOptions] = []
    worst = float("inf")
    waiting = [
        (bound, rams, number, options)
        for number, (bound, rams, options) in enumerate(_small_enough(chip, model.board, load, room, like))
    ]
    heapq.heapify(waiting)
    tried = 0
    while waiting and tried < TRIES:
        bound, _, _, options = heapq.heappop(waiting)
        if bound > worst * (1 + ALIKE):
            break
        if any(_covers(chip, options, smaller) for smaller in too_large):
            continue
        tried += 1
        progress("cores tried", tried, TRIES)
        cycles, latency = measure(options)
        if cycles > worst * (1 + ALIKE):
            continue
        if not model.fits(options, room):
            too_large.append(options)
            continue
        fastest.append(FastCore(SizedCore(model, options), cycles, latency))
        fastest.sort(key=_rank)
        del fastest[keep:]
        if len(fastest) == keep:
            worst = fastest[-1].cycles
    return fastest


def _room(board: Board, margin: float) -> Limits:
    """What may be used of ``board``: all multipliers, and of the rest what leaves ``margin`` free."""
    shares = {name: int((1 - margin) * getattr(board.limits, name)) for name in ("luts", "flip_flops", "block_rams")}
    return replace(board.limits, **shares)


def _rank(fast: FastCore) -> tuple[int, int, int]:
    speed, latency = (round(log(cycles) / ALIKE) for cycles in (fast.cycles, fast.latency))
    return speed, latency, fast.core.area.luts


def _covers(chip: Chip, larger: CoreOptions, smaller: CoreOptions) -> bool:
    """Whether ``larger`` has as much of everything as ``smaller``, or more."""
    layers = len(chip.layers)
    pairs = zip(*(_hardware(options, layers) for options in (larger, smaller)), strict=True)
    return all(more >= less for more, less in pairs)


def _hardware(options: CoreOptions, layers: int) -> tuple[int, ...]:
    """Numbers that grow with the hardware."""
    each = (*options.each("row_banks", layers), *options.each("lanes", layers))
    return (-list(SIZED_BY).index(options.kind), options.pixel_lanes, *each)


def _small_enough(
    chip: Chip, board: Board, load: Load, room: Limits, like: CoreOptions
) -> Iterator[tuple[float, int, CoreOptions]]:
    """Bound on the cycles, block RAMs at least, and options of cores ``like`` that one whose large memories fit."""
    changes = like.change_events
    sizes = [1 << power for power in range(LARGEST.bit_length())]
    layers = len(chip.layers)

    @cache
    def choices(number: int, width: int) -> list[tuple[float, int, int, int]]:
        """Bound, block RAMs, banks and lanes of layer ``number``."""
        rows, columns = chip.sizes[number], chip.sizes[number + 1]
        return [
            (
                max(
                    load.crossbar_busy(number, width, banks, lanes, change_events=changes),
                    load.neurons_busy(number, lanes),
                ),
                layer_block_rams(chip, number, banks, lanes, board, loadable=like.loadable),
                banks,
                lanes,
            )
            for banks, lanes in product(_useful(sizes, rows), _useful(sizes, columns))
        ]

    def deeper(number: int, width: int, rams: int) -> Iterator[tuple[float, int, tuple[int, ...], tuple[int, ...]]]:
        """Bound, block RAMs, banks and lanes of layers ``number`` and up, behind ``rams`` block RAMs."""
        if number == layers:
            yield load.readout_busy(width), rams, (), ()
            return
        for own, needed, bank, lane in choices(number, width):
            if rams + needed <= room.block_rams:
                for bound, whole, banks, lanes in deeper(number + 1, lane, rams + needed):
                    yield max(own, bound), whole, (bank, *banks), (lane, *lanes)

    for pixel_lanes in _useful(sizes, chip.pixels):
        for bound, rams, banks, lanes in deeper(0, pixel_lanes, 0):
            yield (
                max(bound, load.encoder_busy(pixel_lanes)),
                rams,
                replace(like, pixel_lanes=pixel_lanes, row_banks=banks, lanes=lanes),
            )
        for kind in (kind for kind, sizes in SIZED_BY.items() if not sizes and kind not in ON_REQUEST):
            options = replace(like, pixel_lanes=pixel_lanes).of_kind(kind)
            rams = block_rams(chip, options, board)
            if rams <= room.block_rams:
                yield max(load.layers_busy(options).values()), rams, options


def _useful(sizes: list[int], items: int) -> list[int]:
    """Sizes of which the next smaller one does not hold all ``items`` already."""
    return [size for size in sizes if size < 2 * items]
