"""The encoders."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.chip import LFSR_BITS, LFSR_TAPS, Encoder
from captwin.sim.encode import bernoulli_thresholds, encode_step


def spikes(encoder: Encoder, pixels: list[int]) -> np.ndarray:
    codes = np.array(pixels, np.uint8)
    return np.array([encode_step(encoder, codes, step) for step in range(encoder.steps)])


@given(pixel=st.integers(0, 255), phase=st.integers(0, 255), steps=st.integers(1, 255))
def test_rate_counts_the_multiples_passed(pixel: int, phase: int, steps: int) -> None:
    encoder = Encoder(kind="rate", steps=steps, phase=phase)
    assert spikes(encoder, [pixel]).sum() == (phase + steps * pixel) // 256


@given(pixel=st.integers(0, 255), steps=st.integers(1, 255))
def test_latency_spikes_once_and_brighter_is_earlier(pixel: int, steps: int) -> None:
    trains = spikes(Encoder(kind="latency", steps=steps), [pixel, min(pixel + 40, 255)])
    assert trains.sum(axis=0).tolist() == [int(pixel > 0), 1]
    if pixel:
        assert trains[:, 1].argmax() <= trains[:, 0].argmax()
    assert spikes(Encoder(kind="latency", steps=steps), [255])[0, 0]


def test_bernoulli_fires_as_often_as_the_pixel_is_bright() -> None:
    pixels = [0, 32, 128, 255]
    rates = np.mean([spikes(Encoder(kind="bernoulli", steps=250, seed=s), pixels) for s in range(1, 40)], axis=(0, 1))
    np.testing.assert_allclose(rates, np.array(pixels) / 256, atol=0.02)


@given(seed=st.integers(1, (1 << 32) - 1))
def test_lfsr_is_the_recurrence(seed: int) -> None:
    state, numbers = seed, []
    for _ in range(60):
        numbers.append(state & 255)
        for _ in range(8):
            new = 0
            for tap in LFSR_TAPS:
                new ^= state >> tap & 1
            state = state >> 1 | new << (LFSR_BITS - 1)
    assert bernoulli_thresholds(seed, 6, 10).ravel().tolist() == numbers


def test_lfsr_has_the_longest_period() -> None:
    """The order of x in GF(2)[x] modulo the characteristic polynomial is 2**32 - 1."""
    polynomial = 1 << LFSR_BITS | sum(1 << tap for tap in LFSR_TAPS)

    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a, b = a << 1, b >> 1
            a ^= polynomial if a >> LFSR_BITS else 0
        return product

    def power(exponent: int) -> int:
        result, square = 1, 2
        while exponent:
            result = times(result, square) if exponent & 1 else result
            square, exponent = times(square, square), exponent >> 1
        return result

    order = (1 << LFSR_BITS) - 1
    assert power(order) == 1
    assert all(power(order // prime) != 1 for prime in (3, 5, 17, 257, 65537))


@pytest.mark.parametrize("kind", ["rate", "bernoulli", "latency"])
def test_torch_is_numpy(kind: str) -> None:
    encoder = Encoder(kind=kind, steps=9, phase=77, seed=12345)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 30)).astype(np.uint8)
    for step in range(9):
        expected = encode_step(encoder, pixels, step)
        np.testing.assert_array_equal(encode_step(encoder, torch.tensor(pixels), step).numpy(), expected)
