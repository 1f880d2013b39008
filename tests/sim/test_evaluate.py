from dataclasses import replace

import numpy as np

from captwin.sim import energy, golden
from captwin.sim.evaluate import evaluate
from captwin.sim.noise import Noise
from tests.support.chips import random_chip, random_pixels

CHIP = random_chip(3, sizes=(6, 5, 3))
PIXELS = random_pixels(3, CHIP, 40)


def test_numbers_are_those_of_the_models():
    layers = tuple(
        replace(layer, energy=np.full((2, *layer.surfaces.shape[-2:]), 1e-15, np.float32)) for layer in CHIP.layers
    )
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


def test_runs_with_noise_are_those_of_their_seeds():
    labels = golden.run(CHIP, PIXELS).labels
    cold = replace(CHIP, analog=replace(CHIP.analog, temperature=-273.15))
    quiet = evaluate(cold, PIXELS, labels, noise=Noise(reference=0.0), noise_runs=3).noisy
    assert quiet is not None and quiet.accuracies == (1.0, 1.0, 1.0) and (quiet.mean, quiet.deviation) == (1.0, 0.0)
    noise = Noise(seed=4, reference=0.1)
    noisy = evaluate(cold, PIXELS, labels, noise=noise, noise_runs=2).noisy
    expected = [golden.run(cold, PIXELS, noise=Noise(seed, reference=0.1)).accuracy(labels) for seed in (4, 5)]
    assert noisy is not None and noisy.accuracies == tuple(expected) and noisy.layers[0].reference == 0.1
    assert noisy.mean == np.mean(expected) and noisy.deviation == np.std(expected, ddof=1)
    assert evaluate(cold, PIXELS, labels).noisy is None
