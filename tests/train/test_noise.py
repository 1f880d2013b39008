"""Training with the noise of the analog chip."""

import numpy as np
import pytest
import torch

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.noise import Noise, noise_volts
from captwin.train.config import load_config
from captwin.train.loop import build_network, train

COMPARATOR = 3e-4


@pytest.fixture
def noisy(quick):
    return quick.model_copy(update={"noise": True, "comparator_noise": COMPARATOR})


def test_drives_have_the_noise_of_the_model(noisy, digits):
    """All terms add up in the drive, as the decision of a silent neuron sees them."""
    network = build_network(noisy, digits, load_circuit("charge_share")).train()
    chip = network.to_chip()
    layer, formats = chip.layers[0], chip.formats
    volts = noise_volts(chip.analog, layer.c_column, Noise(comparator=COMPARATOR))
    decision = (volts.transfer**2 + COMPARATOR**2) / drive_slope(layer, formats) ** 2
    expected = np.sqrt(volts.column**2 + decision)[0]
    pixels = torch.tensor(digits.train_images)
    quiet, disturbed = (
        network.trace(pixels, generator)[0].drives for generator in (None, torch.Generator().manual_seed(5))
    )
    difference = (disturbed - quiet).detach().numpy() * layer.scale.drives(formats).lsb
    assert difference.std() == pytest.approx(
        np.hypot(expected, layer.scale.drives(formats).lsb / np.sqrt(12)), rel=0.02
    )
    assert abs(difference.mean()) < 0.02 * expected
    assert (disturbed == disturbed.round()).all()
    assert np.isfinite(expected) and expected == pytest.approx(
        network.technology.curves.noise * layer.scale.drives(formats).lsb
    )


def test_one_seed_gives_one_file(noisy, quick, tmp_path, digits):
    short, quiet = (config.model_copy(update={"epochs": 1}) for config in (noisy, quick))
    first, second = (train(short, tmp_path / name) for name in ("first", "second"))
    assert first.chip_path.read_bytes() == second.chip_path.read_bytes()
    assert first.chip.build_id != train(quiet, tmp_path / "quiet").chip.build_id
    assert first.chip.provenance["config"]["noise"] is True
    # The accuracy that is told is that without noise.
    assert first.test_accuracy == golden.run(first.chip, digits.test_images).accuracy(digits.test_labels)


def test_settings_without_noise_are_those_of_before(quick, noisy):
    assert "noise" not in quick.model_dump(mode="json") and "comparator_noise" not in quick.model_dump(mode="json")
    assert noisy.model_dump(mode="json")["comparator_noise"] == COMPARATOR
    with pytest.raises(CaptwinError, match="comparator_noise: is for training with noise; set noise = true too"):
        load_config("digits", comparator_noise=1e-3)
    settings = load_config("digits", noise=True, reference_noise=1e-3).model_dump(mode="json")
    assert settings["reference_noise"] == 1e-3 and "supply_noise" not in settings
