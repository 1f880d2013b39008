"""Do thresholds suffice? Chips whose neurons have thresholds of their own, against chips whose neurons have tables of
their own, with every deviation that was measured."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.sim import golden
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.reduce import deviated, neuron_numbers
from captwin.sim.mismatch.sample import sampled_table, sampled_tables
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.quantise import quantise
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.memory import default_cache
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import train
from tests.support.circuit_chips import circuit_chip, reference_table
from tests.support.mismatch import run_neurons, with_thresholds
from tests.support.needs import needs_ngspice, needs_pdk

#: sampled neurons, and chips whose neurons are some of them
NEURONS, CHIPS = 16, 12


def test_equal_neurons_are_the_chip() -> None:
    chip = circuit_chip(3)
    pixels = np.random.default_rng(3).integers(0, 256, (20, chip.pixels)).astype(np.uint8)
    table = reference_table()
    assert (quantise(table, chip.formats).surfaces == chip.layers[0].surfaces).all()
    expected = golden.run(chip, pixels, trace=True)
    answer, spikes = run_neurons(chip, [table] * sum(layer.columns for layer in chip.layers), pixels)
    np.testing.assert_array_equal(answer.labels, expected.labels)
    np.testing.assert_array_equal(spikes, expected.traces[-1].spikes)


@pytest.mark.proof
@needs_ngspice
@needs_pdk("gf180mcu")
@pytest.mark.parametrize(
    ("config", "points"), [("digits-gf180", 0.005), ("digits-gf180-pass", 0.01)], ids=["gf180", "gf180-pass"]
)
def test_thresholds_are_enough(config: str, points: float, tmp_path: Path) -> None:
    """The mean accuracy of fabricated chips is right within ``points``, which is far less than what they lose."""
    train(load_config(config), tmp_path / "run")
    found = compare_chips(Chip.load(tmp_path / "run" / "chip.safetensors"))
    print(config, found)
    assert abs(found.by_thresholds - found.accuracy) < points < (found.nominal - found.accuracy) / 2


class Compared(NamedTuple):
    """Means over chips whose neurons are some of those sampled."""

    nominal: float  #: accuracy of the chip with typical neurons
    accuracy: float  #: with neurons that have tables of their own
    by_thresholds: float  #: with neurons that have thresholds of their own
    worst: float  #: largest difference of these two in one chip
    classes: float  #: share of the images in whose class they agree
    spikes: float  #: share of the last layer's spikes in which they agree


def compare_chips(chip: Chip) -> Compared:
    """CHIPS chips of neurons drawn from NEURONS that are sampled in ngspice, or taken from the cache."""
    data, bench, table = load_dataset("digits"), open_bench(chip.analog.circuit), load_circuit(chip.analog.circuit)
    typical = sampled_table(bench, default_cache())
    sampled = list(sampled_tables(bench, NEURONS, 1, cache=default_cache()))
    numbers = [neuron_numbers(typical, each) for each in sampled]
    place = list(NUMBERS).index("threshold")
    neurons = [
        (deviated(table, typical, each), float(found[place]))
        for each, found in zip(sampled, numbers, strict=True)
        if found is not None
    ]
    rng, rows = np.random.default_rng(1), []
    for _ in range(CHIPS):
        drawn = [neurons[each] for each in rng.integers(0, len(neurons), sum(layer.columns for layer in chip.layers))]
        truth, spikes = run_neurons(chip, [whole for whole, _ in drawn], data.test_images)
        shifted = with_thresholds(chip, np.array([volts for _, volts in drawn]))
        found = golden.run(shifted, data.test_images, trace=True)
        right = truth.accuracy(data.test_labels), found.accuracy(data.test_labels)
        alike = (found.labels == truth.labels).mean(), (found.traces[-1].spikes == spikes).mean()
        rows.append((*right, abs(right[0] - right[1]), *alike))
    accuracy, by_thresholds, _, classes, same = np.mean(rows, axis=0)
    nominal = golden.run(chip, data.test_images).accuracy(data.test_labels)
    return Compared(nominal, accuracy, by_thresholds, max(row[2] for row in rows), classes, same)
