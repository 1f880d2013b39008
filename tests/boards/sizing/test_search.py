"""The search: against trying every core, and that what it finds fits."""

from collections.abc import Callable
from itertools import product

import pytest

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import size_core
from captwin.boards.sizing.search import ALIKE, search
from captwin.hw.gates.options import CoreOptions
from captwin.sim.cycles.workload import Workload
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip

pytestmark = pytest.mark.usefixtures("counted_once")


def _measure(load: Workload) -> Callable[[CoreOptions], tuple[float, float]]:
    def measure(options: CoreOptions) -> tuple[float, float]:
        cycles = load.cycles(options)
        return cycles.per_image, float(cycles.latency.mean())

    return measure


def test_no_core_that_fits_is_faster() -> None:
    chip, board = load_chip("digits-tiny"), find_board("icebreaker")
    load = Workload(chip, load_dataset("digits").test_images[:10])

    measure = _measure(load)
    fastest = search(AreaModel(chip, board), load, measure, loadable=False, keep=2, margin=0.0)
    assert len(fastest) == 2 and fastest[0].cycles <= fastest[1].cycles * (1 + ALIKE)
    for fast in fastest:
        area = fast.core.area
        assert area.luts <= board.limits.luts and area.multipliers <= board.limits.multipliers
        assert (fast.cycles, fast.latency) == measure(fast.core.options)
    model = AreaModel(chip, board)
    for pixel_lanes, banks in product((1, 2, 4, 8), (1, 2, 4)):
        options = CoreOptions(pixel_lanes, (banks,), (1,))
        area = model.area(options)
        if area.luts <= board.limits.luts and area.block_rams <= 0.8 * board.limits.block_rams:
            assert measure(options)[0] * (1 + 2 * ALIKE) >= fastest[0].cycles, options


def test_where_only_serial_cores_fit_the_smallest_of_them_comes_first() -> None:
    chip, board = load_chip("digits"), find_board("ice40-hx8k")
    load = Workload(chip, load_dataset("digits").test_images[:3])
    fastest = search(AreaModel(chip, board), load, _measure(load), loadable=False, margin=0.0)
    options, luts = [fast.core.options for fast in fastest], [fast.core.area.luts for fast in fastest]
    assert options and all(option.serial and not option.loadable for option in options)
    assert size_core(chip, board).options in options
    assert luts == sorted(luts)
