"""Area before synthesis: what is counted, what memories become, and, as a proof, real builds beside it."""

from dataclasses import replace
from pathlib import Path

import pytest
from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from captwin.boards.catalogue import find_board
from captwin.boards.flow.build import build
from captwin.boards.sizing import area
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import size_core
from captwin.boards.sizing.gate_count import Gates, Store, count
from captwin.boards.sizing.memories import is_logic
from captwin.hw.gates.core import Core
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.options import CoreOptions
from captwin.scripts.verbs.board.build import expected_answer
from captwin.train.zoo import load_chip


class Sample(wiring.Component):
    """Some of everything that is counted."""

    def __init__(self) -> None:
        super().__init__({"a": In(8), "b": In(6), "on": In(1), "o": Out(16), "p": Out(14)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = memory.Memory(shape=unsigned(4), depth=3, init=[1, 5, 7])
        port = store.read_port()
        kept = Signal(8)
        with m.If(self.on):
            m.d.sync += kept.eq(self.a)  # an enable: no choice
        m.d.sync += self.p.eq(self.a * self.b)
        m.d.comb += [port.addr.eq(self.b), self.o.eq(Mux(self.on, kept + self.a, self.b) ^ port.data)]
        return m


def test_counts() -> None:
    gates = count(Sample())
    expected = Gates(
        flip_flops=8 + 14,
        sums=9,
        carries=1,
        choices=9,
        enables=8,
        masks=9,
        products=((8, 6),),
        stores=(Store(4, 3, reads=1, writes=0, block=False, constant=2, name="store"),),
    )
    assert gates == expected
    assert gates + gates == Gates(44, 18, 2, 18, 16, 18, 0, expected.products * 2, expected.stores * 2)


@pytest.mark.parametrize(
    ("board", "store", "logic"),
    [
        # as Yosys 0.70 decided in builds
        ("ulx3s-85f", Store(256, 64, 1, 1, False, 0), False),  # mnist-small's image
        ("ulx3s-85f", Store(64, 16, 1, 1, False, 0), True),  # digits' image
        ("ulx3s-85f", Store(50, 96, 1, 0, False, 0), False),  # weights of mnist-small's last layer
        ("ulx3s-85f", Store(320, 32, 1, 0, False, 0), True),  # of digits' first, in two banks
        ("ulx3s-85f", Store(464, 12, 1, 0, False, 0), True),  # parameters
        ("tang-nano-9k", Store(100, 64, 1, 0, False, 0), False),
        ("tang-nano-9k", Store(50, 20, 1, 0, False, 0), True),
        ("icebreaker", Store(50, 64, 1, 0, False, 0), True),
        ("icebreaker", Store(5, 15, 1, 1, False, 0), False),
        ("icebreaker", Store(9, 15, 1, 1, False, 0), False),
        ("icebreaker", Store(12, 128, 1, 0, True, 0), False),
    ],
)
def test_memories(board: str, store: Store, logic: bool) -> None:
    assert is_logic(store, find_board(board).family) == logic


def test_more_of_everything_takes_more() -> None:
    model = AreaModel(load_chip("digits-small"), find_board("ulx3s-85f"))
    small = CoreOptions(2, (1, 1), (1, 1))
    for more in ({"pixel_lanes": 4}, {"row_banks": (2, 1)}, {"lanes": (2, 1)}):
        before, after = model.area(small), model.area(replace(small, **more))
        assert after.luts > before.luts and after.flip_flops > before.flip_flops, more
        assert model.fits(small, before) and not model.fits(replace(small, **more), before), more


def test_what_was_counted_before_makes_no_difference() -> None:
    chip, board = load_chip("digits-tiny"), find_board("icebreaker")
    model = AreaModel(chip, board)
    parallel = CoreOptions(1, (1,), (1,), loadable=True)
    model.area(parallel.of_kind("serial"))
    model.area(replace(parallel, loadable=False))
    assert model.area(parallel) == AreaModel(chip, board).area(parallel)


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_neurons_counted_small_and_grown_are_as_counted_whole(lanes: int) -> None:
    family = find_board("ulx3s-85f").family
    block = Core(load_chip("digits"), CoreOptions(lanes=lanes)).layers.layers[0].neurons
    grown = area._cells(area._neurons(block, family), family, area.NEURONS)
    whole = area._cells(area._softened(count(block), family), family, area.NEURONS)
    assert (grown.block_rams, grown.multipliers, grown.carries) == (whole.block_rams, whole.multipliers, whole.carries)
    assert grown.luts == pytest.approx(whole.luts, rel=0.01)
    assert grown.flip_flops == pytest.approx(whole.flip_flops, rel=0.01)


@pytest.mark.parametrize("banks", [1, 2])
def test_a_crossbar_counted_small_and_grown_is_as_counted_whole(banks: int) -> None:
    chip, family = load_chip("digits"), find_board("ulx3s-85f").family
    # One word of sums, since the tree by which several leave has a reckoning of its own.
    block = Crossbar(chip.layers[0].charges, chip.formats, width=8, banks=banks, lanes=64)
    gates = count(block)
    taken = sum(store.width for store in gates.stores if not is_logic(store, family) and not store.writes)
    grown, whole = area._crossbar(block, family), area._cells(gates, family, area.CROSSBAR)
    assert (grown.luts, grown.block_rams, grown.carries) == (whole.luts, whole.block_rams, whole.carries)
    assert grown.flip_flops == pytest.approx(whole.flip_flops - taken, rel=0.001)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "board"), [("digits-tiny", "icebreaker"), ("digits-tiny", "ice40-hx8k"), ("digits", "ice40-hx8k")]
)
def test_beside_a_build(name: str, board: str, tmp_path: Path) -> None:
    chip = load_chip(name)
    core = size_core(chip, find_board(board))
    used = build(core, expected_answer(chip), tmp_path / "out", clock_hz=12e6).manifest.used
    area = core.area
    assert area.multipliers == used.multipliers.used
    assert abs(area.block_rams - used.block_rams.used) <= core.options.serial  # whose small tables may be either
    assert area.luts == pytest.approx(used.luts.used, rel=0.05)
    assert area.flip_flops == pytest.approx(used.flip_flops.used, rel=0.05)
