"""Chips' integer neurons against the tables in volts that they come from."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Formats
from captwin.sim import golden
from captwin.sim.neurons.circuits import ideal_twin, load_circuit, on_circuit, table_of
from captwin.sim.neurons.deviation import deviation, firing_drive_codes
from captwin.sim.neurons.quantise import quantise
from captwin.train.zoo import load_chip, names
from tests.support.chips import random_chip
from tests.support.tables import small_table


@pytest.mark.parametrize("seed", range(6))
def test_thresholds_are_goldens(seed: int) -> None:
    chip = random_chip(seed, sizes=(3, 1))
    formats = chip.formats
    layer = replace(chip.layers[0], threshold_offsets=np.zeros(1, np.int32))
    v = np.random.default_rng(seed).integers(0, formats.membrane_max + 1, 50)
    for b, codes in enumerate(firing_drive_codes(layer, formats, v)):
        for u, fires in ((codes, 1), (codes - 1, 0)):
            known = (u >= 0) & (u <= formats.drive_max)
            _, spikes = golden.run_cycle(layer, formats, v[known, None], np.array(b), u[known, None])
            assert (spikes == fires).all()


TABLES = {name: load_circuit(name) for name in ("charge_share", "pass_transistor")} | {
    "four surfaces": small_table(points=33, jump=0.05)
}


@pytest.mark.parametrize("name", TABLES)
def test_shrinks_with_finer_codes(name: str) -> None:
    table = TABLES[name]
    errors = []
    for bits in (5, 8):
        formats = Formats(
            drive_bits=6 + bits, membrane_bits=8 + bits, drive_fraction=1 + bits, membrane_fraction=3 + bits
        )
        neuron = quantise(table, formats)
        layer = replace(
            random_chip(1, sizes=(2, 3)).layers[0],
            scale=neuron.scale,
            surfaces=neuron.surfaces,
            thresholds=neuron.thresholds,
        )
        found = deviation(layer, formats, table)
        errors.append([np.abs(found.membrane).max(), np.nanmax(np.abs(found.threshold))])
        # Knots are points of the table here: what is left is rounding at the knots and at the end.
        assert errors[-1][0] <= 1.01 * neuron.membranes.lsb and errors[-1][1] <= 1.01 * neuron.drives.lsb
        assert (found.alike > 0.99).all()
    assert (np.array(errors[1]) < np.array(errors[0]) / 4).all()


def test_a_wrong_surface_is_seen() -> None:
    chip = load_chip("digits")
    layer, table = chip.layers[0], load_circuit("charge_share")
    assert np.abs(deviation(layer, chip.formats, table).membrane[1]).max() < 1e-4
    surfaces = layer.surfaces.copy()
    surfaces[1] += 64  # 5 mV
    moved = deviation(replace(layer, surfaces=surfaces), chip.formats, table)
    assert moved.membrane[1].min() > 4.9e-3 and np.abs(moved.membrane[0]).max() < 1e-4


def test_the_table_of_a_chip() -> None:
    for name in names():
        chip = load_chip(name)
        table = table_of(chip)
        assert table is not None and table.circuit == chip.analog.circuit
    ideal = ideal_twin(load_circuit("charge_share"))
    twin = table_of(on_circuit(load_chip("digits"), ideal))
    assert twin is not None and twin.circuit_sha256 == ideal.circuit_sha256
    assert table_of(random_chip(1)) is None
