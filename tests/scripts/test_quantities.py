"""Quantities with the prefix that fits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.scripts.quantities import energy_text, quantity


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (33.88e-9, "33.88 nJ"),
        (6.741e-10, "674.1 pJ"),
        (1.3e-12, "1.300 pJ"),
        (9.99961e-10, "1.000 nJ"),
        (9.9994e-10, "999.9 pJ"),
        (58.3e-15, "58.30 fJ"),
        (2e-18, "2.000 aJ"),
        (-4.2e-15, "-4.200 fJ"),
        (0.0, "0 J"),
        (math.inf, "inf J"),
    ],
)
def test_energies(joules, text):
    assert energy_text(joules) == text


@given(st.floats(1e-17, 1e11))
def test_the_text_is_the_number(value):
    number, unit = quantity(value, "F").split()
    power = {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}[unit[:-1]]
    assert float(number) * 10.0**power == pytest.approx(value, rel=6e-4)
    assert 1 <= float(number) < 1000 or unit == "GF"
