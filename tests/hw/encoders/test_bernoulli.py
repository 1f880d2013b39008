"""The encoder `bernoulli` and its shift register."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.encoders.bernoulli import Bernoulli, random_numbers
from captwin.hw.lfsr import LFSR_BITS, LFSR_TAPS
from captwin.sim.encode import encode


def test_it_fires_as_often_as_the_pixel_is_bright() -> None:
    pixels = np.array([0, 32, 128, 255], np.uint8)
    rates = np.mean([encode(Bernoulli(steps=250, seed=seed), pixels) for seed in range(1, 40)], axis=(0, 1))
    np.testing.assert_allclose(rates, pixels / 256, atol=0.02)


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
    assert random_numbers(seed, 6, 10).ravel().tolist() == numbers


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


def test_an_image_cannot_be_filled_up() -> None:
    assert Bernoulli().padding_obstacle(7, 7) is None
    assert Bernoulli().padding_obstacle(6, 7) == "6 pixels get other random numbers than the device's 7"
