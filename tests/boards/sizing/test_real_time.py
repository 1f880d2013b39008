"""Whether a real-time core fits, by what a network will have."""

from dataclasses import replace

import pytest

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.real_time import real_time_fit, require_real_time_fit
from captwin.hw.look_up import LookUp
from captwin.hw.real_time_area import RealTimeLayer, real_time_luts
from captwin.hw.support.errors import CaptwinError

HIDDEN, LAST = RealTimeLayer(18_816, 96, LookUp(4, 6, 5)), RealTimeLayer(917, 10, LookUp(4, 6, 5))
ULX3S = find_board("ulx3s-85f")


def test_area():
    # A routed core of 10,526 weights and 74 neurons took 20,701 LUT4 of an ECP5, and 77 block RAMs.
    routed = (RealTimeLayer(10_000, 64, LookUp(4, 6, 5)), RealTimeLayer(526, 10, LookUp(4, 6, 5)))
    assert real_time_luts(routed) == pytest.approx(20_701, rel=0.02)
    assert real_time_fit(routed, ULX3S).block_rams == pytest.approx(77, rel=0.05)


def test_a_board_is_used_as_far_as_its_scarcest_part():
    fit = require_real_time_fit((HIDDEN, LAST), ULX3S)
    assert fit.block_rams == 106 and fit.share == fit.block_rams / 208 > fit.luts / 83_640
    assert str(fit) == "fits ulx3s-85f: 51 %"
    assert "does not fit icebreaker" in str(real_time_fit((HIDDEN, LAST), find_board("icebreaker")))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((HIDDEN,), r"about 576 block RAMs, there are 32; take fewer neurons, or fewer direct\.drive_bits"),
        ((RealTimeLayer(9000, 9, LookUp(4, 4, 4)),), "LUTs, there are 7,680; raise sparsity until 4,059 of its 9,000"),
        ((RealTimeLayer(30, 250, LookUp(4, 1, 1)),), "block RAMs, there are 32"),
    ],
)
def test_what_does_not_fit_says_what_would(layers, message):
    board = find_board("ice40-hx8k")
    with pytest.raises(CaptwinError, match=message) as caught:
        require_real_time_fit(layers, board)
    assert "\n" not in str(caught.value)


def test_the_advice_fits():
    board = find_board("ice40-hx8k")
    layer = RealTimeLayer(9000, 9, LookUp(4, 4, 4))
    assert require_real_time_fit((replace(layer, weights=4059),), board).share <= 1
