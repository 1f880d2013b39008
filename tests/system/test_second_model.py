"""The model that was written from docs/arithmetic.md alone agrees with the golden model in every number."""

import math
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.sim import golden
from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.noise import Noise
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip, random_pixels
from tests.system import second_model


def compare(chip, pixels: np.ndarray, folder: Path, noise: Noise | None = None) -> None:
    chip.save(folder / "chip.safetensors")
    gates, layers, build_id = second_model.read_chip(folder / "chip.safetensors")
    assert build_id == chip.build_id
    expected = golden.run(chip, pixels, trace=True, noise=noise)
    for n, image in enumerate(pixels.tolist()):
        label, counts, membranes, steps, trace = second_model.infer(
            gates, layers, image, noise and [disturbances(chip, noise, layer, n) for layer in range(len(layers))]
        )
        assert (label, steps) == (expected.labels[n], expected.steps[n])
        np.testing.assert_array_equal(counts, expected.counts[n])
        np.testing.assert_array_equal(membranes, expected.membranes[n])
        for layer, ours in zip(trace, expected.traces, strict=True):
            for column, name in zip(zip(*layer, strict=True), ("sums", "drives", "membranes", "spikes"), strict=True):
                np.testing.assert_array_equal(column, getattr(ours, name)[n], err_msg=name)


def disturbances(chip: Chip, noise: Noise, number: int, image: int) -> list[list[list[int]]]:
    """The second model's, from the formulas of docs/nonideal.md."""
    layer, formats, kt = chip.layers[number], chip.formats, 1.380649e-23 * (chip.analog.temperature + 273.15)
    c_membrane, c_columns = chip.analog.c_membrane, layer.c_column.astype(float)
    drive, fv = layer.scale.drives(formats).lsb, formats.membrane_fraction
    membrane = layer.scale.membranes(formats).lsb
    spread = math.sqrt(8 * (2**32 - 1) / 12)
    factors = []
    for c_column in c_columns:
        a = c_column / (c_membrane + c_column)
        transfer = math.sqrt(a * kt / c_membrane)
        volts = [
            math.sqrt(kt / c_column) * 2**layer.shift / drive,
            (1 - a) / a * math.sqrt(kt / c_membrane) * 2**layer.shift / drive,
            math.sqrt(transfer**2 + noise.comparator**2) / drive_slope(layer, formats) * 2**fv / drive,
            transfer * 2 ** (fv + formats.drive_fraction) / membrane,
        ]
        factors.append([size / spread for size in volts])
    shared = noise.reference * 2**layer.shift / drive / spread
    return second_model.disturbances(noise.seed, number, image, chip.encoder.steps, factors, shared)


@pytest.mark.parametrize("seed", range(900, 930))
def test_random_chips(seed: int, tmp_path: Path) -> None:
    chip = random_chip(seed, kind=list(ENCODERS)[seed % len(ENCODERS)])
    compare(chip, random_pixels(seed, chip, 4), tmp_path)


def test_digits(tmp_path: Path) -> None:
    compare(load_chip("digits"), load_dataset("digits").test_images[:8], tmp_path)


@pytest.mark.parametrize("noise", [Noise(seed=1), Noise(seed=2**64 - 1, comparator=2e-3, reference=3e-3)])
def test_digits_with_noise(noise: Noise, tmp_path: Path) -> None:
    compare(load_chip("digits"), load_dataset("digits").test_images[:2], tmp_path, noise)
