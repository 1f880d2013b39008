"""The PLL solvers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.boards.families import pll
from captwin.hw.support.errors import CaptwinError


@pytest.mark.parametrize(
    ("solve", "input_hz", "reached_hz"),
    [(pll.ecp5, 25e6, 100e6), (pll.ecp5, 48e6, 100e6), (pll.ice40, 12e6, 100.5e6), (pll.gowin, 27e6, 702e6 / 7)],
)
def test_100_mhz(solve, input_hz: float, reached_hz: float) -> None:
    assert solve(input_hz, 100e6).output_hz == pytest.approx(reached_hz)


@given(input_mhz=st.sampled_from([25, 48, 100]), wanted_mhz=st.integers(20, 200))
def test_ecp5_dividers_give_what_they_say(input_mhz: int, wanted_mhz: int) -> None:
    found = pll.ecp5(input_mhz * 1e6, wanted_mhz * 1e6)
    divide = found.settings
    assert found.output_hz == input_mhz * 1e6 * divide["CLKFB_DIV"] / divide["CLKI_DIV"]
    assert 400e6 <= found.output_hz * divide["CLKOP_DIV"] <= 800e6
    assert found.output_hz == pytest.approx(wanted_mhz * 1e6, rel=0.05)


@given(wanted_mhz=st.integers(17, 270))
def test_ice40_dividers_give_what_they_say(wanted_mhz: int) -> None:
    found = pll.ice40(12e6, wanted_mhz * 1e6)
    divide = found.settings
    vco = 12e6 / (divide["DIVR"] + 1) * (divide["DIVF"] + 1)
    assert 533e6 <= vco <= 1066e6
    assert found.output_hz == vco / 2 ** divide["DIVQ"]


@given(wanted_mhz=st.integers(9, 500))
def test_gowin_dividers_give_what_they_say(wanted_mhz: int) -> None:
    found = pll.gowin(27e6, wanted_mhz * 1e6)
    divide = found.settings
    assert found.output_hz == 27e6 * (divide["FBDIV_SEL"] + 1) / (divide["IDIV_SEL"] + 1)
    assert 400e6 <= found.output_hz * divide["ODIV_SEL"] <= 1200e6


def test_out_of_reach() -> None:
    with pytest.raises(CaptwinError, match=r"the iCE40 PLL cannot make 2000 MHz from 12 MHz; .*--clock"):
        pll.ice40(12e6, 2e9)
