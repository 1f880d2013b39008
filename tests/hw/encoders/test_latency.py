"""The encoder `latency`."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.encoders.latency import Latency
from captwin.sim.encode import encode


@given(pixel=st.integers(0, 255), steps=st.integers(1, 255))
def test_it_spikes_once_and_brighter_is_earlier(pixel: int, steps: int) -> None:
    trains = encode(Latency(steps=steps), np.array([pixel, min(pixel + 40, 255)], np.uint8))
    assert trains.sum(axis=0).tolist() == [int(pixel > 0), 1]
    if pixel:
        assert trains[:, 1].argmax() <= trains[:, 0].argmax()
    assert encode(Latency(steps=steps), np.array([255], np.uint8))[0, 0]
