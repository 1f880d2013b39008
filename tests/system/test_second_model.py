"""The model that was written from docs/arithmetic.md alone agrees with the golden model in every number."""

from pathlib import Path

import numpy as np
import pytest

from captwin.hw.encoders import ENCODERS
from captwin.sim import golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip, random_pixels
from tests.system import second_model


def compare(chip, pixels: np.ndarray, folder: Path) -> None:
    chip.save(folder / "chip.safetensors")
    gates, layers, build_id = second_model.read_chip(folder / "chip.safetensors")
    assert build_id == chip.build_id
    expected = golden.run(chip, pixels, trace=True)
    for n, image in enumerate(pixels.tolist()):
        label, counts, membranes, steps, trace = second_model.infer(gates, layers, image)
        assert (label, steps) == (expected.labels[n], expected.steps[n])
        np.testing.assert_array_equal(counts, expected.counts[n])
        np.testing.assert_array_equal(membranes, expected.membranes[n])
        for layer, ours in zip(trace, expected.traces, strict=True):
            for column, name in zip(zip(*layer, strict=True), ("sums", "drives", "membranes", "spikes"), strict=True):
                np.testing.assert_array_equal(column, getattr(ours, name)[n], err_msg=name)


@pytest.mark.parametrize("seed", range(900, 930))
def test_random_chips(seed: int, tmp_path: Path) -> None:
    chip = random_chip(seed, kind=list(ENCODERS)[seed % len(ENCODERS)])
    compare(chip, random_pixels(seed, chip, 4), tmp_path)


def test_digits(tmp_path: Path) -> None:
    compare(load_chip("digits"), load_dataset("digits").test_images[:8], tmp_path)
