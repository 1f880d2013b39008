"""Whether a real-time core fits, by what a network will have."""

from dataclasses import replace

import pytest

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.fit import size_core
from captwin.boards.sizing.real_time import real_time_fit, require_real_time_fit
from captwin.hw.look_up import LookUp
from captwin.hw.real_time_area import RealTimeLayer, RealTimeSize
from captwin.hw.support.errors import CaptwinError
from captwin.train.real_time import trained_size
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
    assert trained_size(load_chip("digits-realtime")).luts == pytest.approx(4_717, rel=0.05)


def test_a_board_is_used_as_far_as_its_scarcest_part():
    chip = trained_size(load_chip("mnist-realtime"))
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


def test_boards_size_no_real_time_core():
    chip = load_chip("digits-realtime")
    with pytest.raises(CaptwinError, match=r"ULX3S.*--real-time: such cores are not built for boards yet"):
        size_core(chip, ULX3S, lambda usual: usual.of_kind("real_time"))
