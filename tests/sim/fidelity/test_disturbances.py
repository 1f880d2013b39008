"""One draw of noise for both models: the charges are those of the formulas of the volts."""

import numpy as np
import pytest

from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.fidelity.disturbances import layer_noise_of
from captwin.sim.noise import Noise, NoiseSource, column_share, layer_noise
from captwin.train.zoo import load_chip


def test_charges_are_those_of_the_model():
    chip = load_chip("digits-tiny")
    layer, noise = chip.layers[0], Noise(seed=2, comparator=3e-4, reference=2e-4)
    drawn = layer_noise_of(chip, NoiseSource(chip, noise), 0, 400)
    volts, share = layer_noise(chip.analog, layer, chip.formats, noise), column_share(chip.analog, layer.c_column)
    slope, c_membrane = drive_slope(layer, chip.formats), chip.analog.c_membrane
    rms = {name: values.std(axis=(0, 1)) for name, values in drawn.in_spice.items()}
    assert rms["column"] == pytest.approx(np.hypot(volts.column, volts.decision / slope) * layer.c_column, rel=0.05)
    assert rms["after_spike"] == pytest.approx(volts.reset * c_membrane, rel=0.05)
    assert rms["membrane"] == pytest.approx(np.hypot(volts.transfer, volts.decision) * c_membrane, rel=0.05)
    assert rms["reference"] == pytest.approx(np.full(layer.columns, volts.reference), rel=0.05)
    # What the decision's charge does to the membrane is taken back: both are of one draw, of the same sign.
    together = np.mean(drawn.in_spice["column"] * drawn.in_spice["membrane"])
    wanted = -np.mean((volts.decision / slope * layer.c_column) * (volts.decision * c_membrane))
    assert together == pytest.approx(wanted, rel=0.1)
    assert (np.ptp(drawn.in_spice["reference"], axis=2) == 0).all() and share.max() < 1
    one = drawn.disturbance(3, 1)
    assert (one.column == drawn.in_spice["column"][3, :, 1]).all() and one.reference.shape == (8,)
