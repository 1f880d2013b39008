"""Dither: its numbers, its place in a chip file, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.chip import Chip, ChipError
from captwin.hw.dither import CENTRE, NUMBER_BITS, SPREAD, Dither, dither_numbers, step_offsets
from captwin.hw.lfsr import LFSR_BITS, LFSR_TAPS
from tests.support.chips import random_chip


@given(seed=st.integers(1, (1 << LFSR_BITS) - 1), steps=st.integers(1, 5), columns=st.integers(1, 9))
def test_numbers_are_sums_of_the_registers_bits(seed: int, steps: int, columns: int) -> None:
    state, numbers = seed, []
    for _ in range(steps * columns):
        numbers.append(sum(state >> 4 * part & 15 for part in range(4)) - 30)
        for _ in range(NUMBER_BITS):
            new = 0
            for tap in LFSR_TAPS:
                new ^= state >> tap & 1
            state = state >> 1 | new << (LFSR_BITS - 1)
    assert dither_numbers(seed, steps, columns).ravel().tolist() == numbers


def test_numbers_are_noise() -> None:
    numbers = dither_numbers(12345, 250, 200).astype(float)
    assert abs(numbers).max() <= CENTRE
    assert numbers.mean() == pytest.approx(0, abs=0.2)
    assert numbers.std() == pytest.approx(SPREAD, rel=0.02)
    for shift, axis in ((1, 0), (1, 1), (2, 1)):  # from step to step, from neuron to neuron
        assert abs((numbers * np.roll(numbers, shift, axis)).mean()) / SPREAD**2 < 0.02


def test_a_chip_file_keeps_it(tmp_path: Path) -> None:
    chip = random_chip(7, sizes=(6, 5, 3), dithered=True)
    chip.save(tmp_path / "chip.safetensors")
    loaded = Chip.load(tmp_path / "chip.safetensors")
    assert [layer.dither for layer in loaded.layers] == [layer.dither for layer in chip.layers]
    assert loaded.build_id == chip.build_id
    layers = tuple(replace(layer, dither=None) for layer in chip.layers)
    assert replace(chip, layers=layers).build_id != chip.build_id


def test_offsets_of_the_steps() -> None:
    layer = replace(random_chip(7, sizes=(6, 5)).layers[0], dither=Dither(seed=3, amplitude=5))
    expected = layer.offsets + 5 * dither_numbers(3, 4, 5)
    np.testing.assert_array_equal(step_offsets(layer, 4), expected)
    np.testing.assert_array_equal(step_offsets(replace(layer, dither=None), 4), [layer.offsets] * 4)


def test_what_is_refused() -> None:
    chip = random_chip(7, sizes=(6, 5, 3), dithered=True)
    first, last = chip.layers
    bits = chip.formats.drive_bits + first.shift - 5
    with pytest.raises(ChipError, match=rf"layers\.0\.dither: its amplitude must be below 2\^{bits}, got {1 << bits}"):
        replace(chip, layers=(replace(first, dither=Dither(1, 1 << bits)), last))
    with pytest.raises(
        ChipError, match=r"layers\.1\.dither: one layer has dither and another has none; give it to all"
    ):
        replace(chip, layers=(first, replace(last, dither=None)))
