"""Chips with dither of a stated size."""

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.dither import dither_rms, dithered, without_dither
from captwin.sim.noise import Noise, layer_drive_noise
from captwin.train.zoo import load_chip
from tests.support.chips import random_pixels

CHIP = load_chip("digits-tiny")


@pytest.mark.parametrize("noise", [None, Noise(comparator=3e-4), Noise(reference=1e-3)])
def test_it_is_as_large_as_the_noise(noise: Noise | None) -> None:
    (layer,) = dithered(CHIP, noise=noise).layers
    wanted = layer_drive_noise(CHIP.analog, layer, CHIP.formats, noise or Noise(), "")
    assert dither_rms(CHIP, layer)[0] == pytest.approx(wanted, rel=0.12)
    assert bin(layer.dither.amplitude).count("1") <= 3


def test_drives_spread_by_it() -> None:
    pixels = np.repeat(random_pixels(1, CHIP, 1), 2, axis=0)
    plain = golden.run(CHIP, pixels, trace=True).traces[0].drives.astype(float)
    moved = []
    for seed in range(60):
        drives = golden.run(dithered(CHIP, rms=4e-4, seed=seed), pixels, trace=True).traces[0].drives
        np.testing.assert_array_equal(drives[0], drives[1])  # every image sees the same numbers
        moved.append(drives - plain)
    inner = (plain > 100) & (plain < CHIP.formats.drive_max - 100)
    codes = dither_rms(CHIP, dithered(CHIP, rms=4e-4).layers[0])[1]
    assert np.std(np.array(moved)[:, inner]) == pytest.approx(np.sqrt(codes**2 + 1 / 12), rel=0.05)


def test_it_replaces_what_was_there() -> None:
    once, twice = dithered(CHIP, rms=1e-3), dithered(dithered(CHIP, rms=2e-4), rms=1e-3)
    assert once.build_id == twice.build_id != CHIP.build_id
    assert once.provenance["dithered"] == twice.provenance["dithered"]
    assert without_dither(once).build_id == CHIP.build_id
    assert dithered(CHIP, rms=1e-3, seed=2).build_id != once.build_id


def test_fabrication_keeps_its_size() -> None:
    made = fabricate(dithered(CHIP, rms=1e-3), Process(), seed=1)
    assert dither_rms(made, made.layers[0])[0] == pytest.approx(1e-3, rel=0.12)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rms": 0.0}, "above 0 and at most 10 V of drive, got 0 V"),
        ({"rms": 1e-15}, "layer 0: a dither of 1e-15 V RMS of drive is too small"),
        ({"rms": 1.0}, "layer 0: a dither of 1 V RMS of drive is too large"),
        ({"seed": -1}, "dither seed: must lie in 0 to"),
    ],
)
def test_what_is_refused(options: dict[str, float], reason: str) -> None:
    with pytest.raises(CaptwinError, match=reason):
        dithered(CHIP, **options)
