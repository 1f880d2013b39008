"""Neurons without interpolation: their tables at the knots, and chips of them under other conditions."""

import numpy as np
import pytest

from captwin.hw.chip import Scale
from captwin.sim.neurons.circuits import circuit_names, load_circuit, under_conditions
from captwin.sim.neurons.direct import direct_scale, quantise_direct, round_to
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import build_network
from tests.support.direct import direct_formats

FORMATS = direct_formats(5, 6)


@pytest.mark.parametrize("name", circuit_names())
def test_membranes_are_the_nearest_knots_to_the_table(name):
    table, step = load_circuit(name), 8
    charge = table.firing_drive / 9
    scale = direct_scale(table, FORMATS, charge, step, below=8.0, above=4.0)
    neuron = quantise_direct(table, FORMATS, scale, step)
    whole = 1 << FORMATS.membrane_fraction
    assert neuron.drives.lsb * step == pytest.approx(charge) and neuron.drives.volts(128) == pytest.approx(0, abs=1e-12)
    assert neuron.membranes.volts(neuron.rest) == pytest.approx(table.v_rest, abs=1e-9)
    assert not (neuron.surfaces % whole).any() and neuron.rest % whole == 0
    assert (neuron.surfaces == round_to(neuron.smooth, whole)).all()
    v = neuron.membranes.volts(np.arange(32) * whole).clip(table.v[0], table.v[-1])
    u = neuron.drives.volts(np.arange(0, 256 - step + 1, 4)).clip(table.u[0], table.u[-1])
    grid = np.meshgrid(v, u, indexing="ij")
    for b in (0, 1):
        for s in (0, 1):
            surface = neuron.surfaces[b, s] if table.by_outcome else neuron.surfaces[b]
            volts = table.step(*grid, np.full(grid[0].shape, bool(b)), spikes=np.full(grid[0].shape, bool(s)))
            ends = neuron.membranes.volts(np.array([0, 31 * whole]))
            apart = neuron.membranes.volts(surface[:32, : len(u)]) - volts.clip(*ends)
            assert np.abs(apart).max() <= neuron.membranes.lsb * whole / 2 + 1e-6


def test_the_last_step_of_the_drives_is_one_value():
    table, step = load_circuit("gf180_charge_share"), 16
    neuron = quantise_direct(table, FORMATS, Scale(0.1, 0.6, -0.06, 0.06), step)
    last = neuron.surfaces[..., (256 - step) >> FORMATS.drive_fraction :]
    assert last.shape[-1] == 5 and (last == last[..., :1]).all()
    assert not ((neuron.thresholds > 256 - step) & (neuron.thresholds < 256)).any()


def test_a_chip_of_them_runs_at_other_corners():
    settings = {"direct": {"membrane_bits": 5, "drive_bits": 6}, "formats": {}, "hidden": [9], "levels": [2, 8]}
    plain = load_config("digits-gf180").model_dump(mode="json") | settings
    config = type(load_config("digits"))(**plain)
    table = load_circuit("gf180_charge_share")
    chip = build_network(config, load_dataset("digits"), table).to_chip()
    same = under_conditions(chip, "tt", 27.0)
    assert same.build_id == chip.build_id
    slow = under_conditions(chip, "ss", 125.0)
    for before, after in zip(chip.layers, slow.layers, strict=True):
        assert after.rest == before.rest and not (after.surfaces % 32).any()
        assert (after.surfaces != before.surfaces).any()
        assert (after.scale.u_min, after.scale.u_max) == (before.scale.u_min, before.scale.u_max)
