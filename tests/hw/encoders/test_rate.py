"""The encoder `rate`."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.encoders.rate import Rate
from captwin.sim.encode import encode


@given(pixel=st.integers(0, 255), phase=st.integers(0, 255), steps=st.integers(1, 255))
def test_it_counts_the_multiples_passed(pixel: int, phase: int, steps: int) -> None:
    spikes = encode(Rate(steps=steps, phase=phase), np.array([pixel], np.uint8))
    assert spikes.sum() == (phase + steps * pixel) // 256
