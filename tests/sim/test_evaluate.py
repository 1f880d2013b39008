from dataclasses import replace

import numpy as np

from captwin.sim import energy, golden
from captwin.sim.evaluate import evaluate
from tests.support.chips import random_chip, random_pixels

CHIP = random_chip(3, sizes=(6, 5, 3))
PIXELS = random_pixels(3, CHIP, 40)


def test_numbers_are_those_of_the_models():
    layers = tuple(replace(layer, energy=np.full(layer.surfaces.shape, 1e-15, np.float32)) for layer in CHIP.layers)
    chip = replace(CHIP, layers=layers)
    right = golden.run(chip, PIXELS).labels
    labels = right.copy()
    labels[:10] = (labels[:10] + 1) % 3
    result = evaluate(chip, PIXELS, labels)
    assert (result.images, result.errors, result.accuracy) == (40, 10, 0.75)
    assert np.array_equal(result.outcome.labels, right) and result.images_per_s > 0
    assert result.activity.images == 40
    assert result.energy is not None and np.array_equal(result.energy.joules, energy.measure(chip, PIXELS).joules)


def test_a_chip_without_energy_surface_says_so():
    layers = tuple(replace(layer, energy=None) for layer in CHIP.layers)
    result = evaluate(replace(CHIP, layers=layers), PIXELS, np.zeros(40, int))
    assert result.energy is None and "has no energy surface" in result.energy_unknown
