"""The search: against trying every core, and that what it finds fits."""

from collections.abc import Callable
from itertools import product

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import fitting
from captwin.boards.sizing.search import ALIKE, search
from captwin.hw.gates.options import CoreOptions
from captwin.sim.cycles.workload import Workload
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip


def _measure(load: Workload) -> Callable[[CoreOptions], tuple[float, float]]:
    def measure(options: CoreOptions) -> tuple[float, float]:
        cycles = load.cycles(options)
        return cycles.per_image, float(cycles.latency.mean())

    return measure


def test_no_core_that_fits_is_faster() -> None:
    chip, board = load_chip("digits-tiny"), find_board("icebreaker")
    load = Workload(chip, load_dataset("digits").test_images[:10])

    measure = _measure(load)
    found = search(chip, board, load, measure, loadable=False, keep=2, margin=0.0)
    assert len(found) == 2 and found[0].cycles <= found[1].cycles * (1 + ALIKE)
    for one in found:
        assert one.area.luts <= board.limits.luts and one.area.multipliers <= board.limits.multipliers
        assert (one.cycles, one.latency) == measure(one.options)
    model = AreaModel(chip, board)
    for pixel_lanes, banks in product((1, 2, 4, 8), (1, 2, 4)):
        options = CoreOptions(pixel_lanes, (banks,), (1,))
        area = model.area(options)
        if area.luts <= board.limits.luts and area.block_rams <= 0.8 * board.limits.block_rams:
            assert measure(options)[0] * (1 + 2 * ALIKE) >= found[0].cycles, options


def test_where_only_serial_cores_fit_the_smallest_of_them_comes_first() -> None:
    chip, board = load_chip("digits"), find_board("ice40-hx8k")
    load = Workload(chip, load_dataset("digits").test_images[:3])
    found = search(chip, board, load, _measure(load), loadable=False, margin=0.0)
    assert found and all(one.options.serial and not one.options.loadable for one in found)
    assert fitting(chip, board) in [one.options for one in found]
    assert [one.area.luts for one in found] == sorted(one.area.luts for one in found)
