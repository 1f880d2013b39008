"""Codes and the volts that they stand for, there and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.chip import Formats, Scale
from captwin.hw.code_axis import CodeAxis


@given(st.floats(-2, 2), st.floats(1e-3, 4), st.integers(8, 16))
def test_codes_come_back_from_their_volts(low: float, span: float, bits: int) -> None:
    axis = CodeAxis(low, low + span, 1 << bits)
    codes = np.unique(np.linspace(0, axis.count - 1, 50).astype(np.int64))
    assert (axis.nearest(axis.volts(codes)) == codes).all()
    assert (axis.nearest(axis.volts(codes + 0.4)) == codes).all()


def test_the_last_code_lies_one_below_the_end() -> None:
    axis = CodeAxis(-0.5, 0.5, 1024)
    assert axis.lsb == 2**-10
    assert axis.volts(0) == -0.5 and axis.volts(1023) == 0.5 - 2**-10
    assert axis.codes(0.5) == 1024 and axis.nearest(0.5) == 1023 and axis.nearest(0.5, 1024) == 1024
    assert axis.nearest(-1.0) == 0


def test_a_scale_has_an_axis_for_membranes_and_one_for_drives() -> None:
    scale, formats = Scale(0.5, 0.9, -0.1, 0.2), Formats()
    assert scale.membranes(formats) == CodeAxis(0.5, 0.9, 1 << 12)
    assert scale.drives(formats) == CodeAxis(-0.1, 0.2, 1 << 10)
