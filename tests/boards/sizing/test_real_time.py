"""Whether a real-time core fits, by what a network will have."""

from dataclasses import replace

import pytest

from captwin.boards.board import Board
from captwin.boards.catalogue import find_board
from captwin.boards.sizing.fit import SizedCore, size_core
from captwin.boards.sizing.real_time import real_time_fit, require_real_time_fit
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.real_time.encoder import full_rate_lanes
from captwin.hw.look_up import LookUp
from captwin.hw.real_time_area import RealTimeLayer, RealTimeSize, real_time_size
from captwin.hw.support.errors import CaptwinError
from captwin.train.zoo import load_chip

ULX3S, HX8K = find_board("ulx3s-85f"), find_board("ice40-hx8k")
SMALL = LookUp(4, 4, 4)


def size(*layers: RealTimeLayer, pixels: int = 784) -> RealTimeSize:
    return RealTimeSize(pixels, "rate", layers)


def test_area():
    # Yosys's LUT4, twice its CCU2C, and six LUTs for each DPR16X4.
    memory = LookUp(4, 6, 5)
    synthesised = size(RealTimeLayer(18_656, 64, memory), RealTimeLayer(594, 10, memory))
    assert synthesised.luts == pytest.approx(43_039 + 2 * 4_682 + 6 * 160, rel=0.05)
    assert real_time_size(load_chip("digits-realtime")).luts == pytest.approx(4_717, rel=0.05)


def test_a_board_is_used_as_far_as_its_scarcest_part():
    chip = real_time_size(load_chip("mnist-realtime"))
    fit = require_real_time_fit(chip, ULX3S)
    assert fit.share == fit.luts / 83_640 > fit.block_rams / 208
    assert str(fit) == "fits ulx3s-85f: 67 %"
    assert "does not fit icebreaker" in str(real_time_fit(chip, find_board("icebreaker")))
    assert replace(chip, encoder="static").luts < chip.luts


@pytest.mark.parametrize(
    ("chip", "message"),
    [
        (
            size(RealTimeLayer(18_816, 96, LookUp(4, 6, 5))),
            r"about 576 block RAMs, there are 32; take fewer neurons, or fewer direct\.drive_bits",
        ),
        (size(RealTimeLayer(9000, 9, SMALL), pixels=64), "LUTs, there are 7,680; raise sparsity until"),
        (size(RealTimeLayer(30, 250, LookUp(4, 1, 1))), "block RAMs, there are 32"),
        (size(RealTimeLayer(30, 9, SMALL)), "LUTs, there are 7,680; take fewer neurons"),
    ],
)
def test_what_does_not_fit_says_what_would(chip, message):
    with pytest.raises(CaptwinError, match=message) as caught:
        require_real_time_fit(chip, HX8K)
    assert "\n" not in str(caught.value)


def test_the_advice_fits():
    layer = RealTimeLayer(9000, 9, SMALL)
    with pytest.raises(CaptwinError) as caught:
        require_real_time_fit(size(layer, pixels=64), HX8K)
    advised = int(str(caught.value).split("until ")[1].split(" ")[0].replace(",", ""))
    assert 0 < advised < 9000
    assert require_real_time_fit(size(replace(layer, weights=advised), pixels=64), HX8K).share <= 1


def real_time_core(name: str, board: Board) -> SizedCore:
    chip = load_chip(name)
    lanes = full_rate_lanes(chip)
    return size_core(chip, board, lambda usual: replace(usual.of_kind("real_time"), pixel_lanes=lanes))


def test_a_board_gets_one_size_of_it():
    core = real_time_core("digits-realtime", ULX3S)
    core.require_fit()
    assert core.options == CoreOptions(8, 1, 1, real_time=True) and core.gates().options == core.options
    with pytest.raises(
        CaptwinError, match=r"HX8K.*a real-time core of this network takes about [\d,]+ (block RAMs|LUTs)"
    ):
        real_time_core("mnist-realtime", HX8K).require_fit()
    with pytest.raises(CaptwinError, match="takes powers of two alone; train a chip for real time"):
        real_time_core("digits", ULX3S).require_fit()


def test_images_that_it_replays_fill_what_is_left():
    core = real_time_core("digits-realtime", ULX3S)
    assert core.replayed == 64
    # 8 beats of 64 bits, 4 of 16 bits by 256 words for 32 images; tables take one of 4 kbit for each neuron
    for block_rams, images in ((30 + 16 + 8, 64), (30 + 16 + 7, 32), (30 + 16 + 4, 32), (30 + 16 + 3, 0)):
        board = replace(HX8K, limits=replace(HX8K.limits, block_rams=block_rams))
        assert real_time_core("digits-realtime", board).replayed == images, block_rams
    assert size_core(load_chip("digits-tiny"), ULX3S).replayed == 0
