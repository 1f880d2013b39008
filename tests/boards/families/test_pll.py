"""The PLL solvers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.boards.families.ecp5 import Ecp5
from captwin.boards.families.family import Family
from captwin.boards.families.gowin import Gowin
from captwin.boards.families.ice40 import Ice40
from captwin.hw.support.errors import CaptwinError

ECP5, ICE40, GOWIN = Ecp5(), Ice40(dsp=False, pll_pad=False), Gowin()


@pytest.mark.parametrize(
    ("family", "input_hz", "reached_hz"),
    [(ECP5, 25e6, 100e6), (ECP5, 48e6, 100e6), (ICE40, 12e6, 100.5e6), (GOWIN, 27e6, 702e6 / 7)],
)
def test_100_mhz(family: Family, input_hz: float, reached_hz: float) -> None:
    assert family.pll(input_hz, 100e6).output_hz == pytest.approx(reached_hz)


@given(input_mhz=st.sampled_from([25, 48, 100]), wanted_mhz=st.integers(20, 200))
def test_ecp5_dividers_give_what_they_say(input_mhz: int, wanted_mhz: int) -> None:
    made = ECP5.pll(input_mhz * 1e6, wanted_mhz * 1e6)
    dividers = made.settings
    assert made.output_hz == input_mhz * 1e6 * dividers["CLKFB_DIV"] / dividers["CLKI_DIV"]
    assert 400e6 <= made.output_hz * dividers["CLKOP_DIV"] <= 800e6
    assert made.output_hz == pytest.approx(wanted_mhz * 1e6, rel=0.05)


@given(wanted_mhz=st.integers(17, 270))
def test_ice40_dividers_give_what_they_say(wanted_mhz: int) -> None:
    made = ICE40.pll(12e6, wanted_mhz * 1e6)
    dividers = made.settings
    vco = 12e6 / (dividers["DIVR"] + 1) * (dividers["DIVF"] + 1)
    assert 533e6 <= vco <= 1066e6
    assert made.output_hz == vco / 2 ** dividers["DIVQ"]


@given(wanted_mhz=st.integers(9, 500))
def test_gowin_dividers_give_what_they_say(wanted_mhz: int) -> None:
    made = GOWIN.pll(27e6, wanted_mhz * 1e6)
    dividers = made.settings
    assert made.output_hz == 27e6 * (dividers["FBDIV_SEL"] + 1) / (dividers["IDIV_SEL"] + 1)
    assert 400e6 <= made.output_hz * dividers["ODIV_SEL"] <= 1200e6


def test_out_of_reach() -> None:
    with pytest.raises(CaptwinError, match=r"the iCE40 PLL cannot make 2000 MHz from 12 MHz; .*--clock"):
        ICE40.pll(12e6, 2e9)
