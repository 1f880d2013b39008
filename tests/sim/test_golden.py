"""The golden model's own promises; that its numbers are right is the second model's and the gates' affair."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from tests.support.chips import random_chip, random_pixels


def test_batches_do_not_matter() -> None:
    chip = random_chip(3)
    pixels = random_pixels(3, chip, 11)
    steps: list[tuple[int, int]] = []
    whole = golden.run(chip, pixels, trace=True)
    parts = golden.run(
        chip, pixels, trace=True, batch=3, progress=lambda what, done, total: steps.append((done, total))
    )
    assert steps == [(3, 11), (6, 11), (9, 11), (11, 11)]
    for name in ("labels", "counts", "membranes", "steps"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    for a, b in zip(whole.traces, parts.traces, strict=True):
        np.testing.assert_array_equal(a.membranes, b.membranes)
    assert golden.run(chip, pixels).traces == ()


def test_accumulators_stay_exact_beyond_float32() -> None:
    chip = next(c for c in (random_chip(s, sizes=(40_001, 1)) for s in range(50)) if c.formats.charge_bits == 10)
    layer = replace(chip.layers[0], charges=np.full((40_001, 1), 511, np.int16))
    assert int(np.float32(511 * 40_001)) != 511 * 40_001
    assert golden.run_layer(layer, chip.formats, np.ones((1, 1, 40_001), bool)).sums[0, 0, 0] == 511 * 40_001


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((2, 5), np.uint8), "takes .* pixels, got"),
        (np.zeros(4, np.uint8), "takes .* pixels, got"),
        (np.zeros((2, 4), np.float32), "must be uint8"),
        (np.zeros((0, 4), np.uint8), "none were given"),
    ],
)
def test_bad_images(pixels: np.ndarray, message: str) -> None:
    with pytest.raises(CaptwinError, match=message):
        golden.run(random_chip(1, sizes=(4, 2)), pixels)
