"""Noise of the analog chip: its physics, the numbers that are drawn, and what they do in the golden model."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.neurons.circuits import load_circuit, on_circuit
from captwin.sim.noise import BOLTZMANN, Noise, NoiseSource, column_share, layer_noise, noise_volts
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip, random_pixels

CHIP = load_chip("digits-tiny")


def same(one: golden.Inference, other: golden.Inference) -> bool:
    pairs = [
        (a, b)
        for ours, theirs in zip(one.traces, other.traces, strict=True)
        for a, b in zip(vars(ours).values(), vars(theirs).values(), strict=True)
    ]
    return all(np.array_equal(a, b) for a, b in pairs)


def test_capacitors_are_in_thermal_equilibrium():
    """Precharge, transfer and reset are resistors at one temperature, so the membrane always ends up with kT/C of its
    own, however charge is shared and whether it was reset or not."""
    layer = CHIP.layers[0]
    some = replace(layer, c_column=np.geomspace(1e-14, 1e-11, layer.columns).astype(np.float32))
    volts, share = noise_volts(CHIP.analog, some.c_column, Noise()), column_share(CHIP.analog, some.c_column)
    membrane = BOLTZMANN * 300.15 / CHIP.analog.c_membrane
    assert volts.reset**2 == pytest.approx(membrane)
    assert (1 - share) ** 2 * membrane + volts.membrane(share) ** 2 == pytest.approx(membrane)


def test_drawn_numbers_have_the_volts_of_the_model():
    noise = Noise(seed=3, comparator=2e-4, reference=1e-4)
    layer, formats = CHIP.layers[0], CHIP.formats
    volts, share = noise_volts(CHIP.analog, layer.c_column, noise), column_share(CHIP.analog, layer.c_column)
    drawn = NoiseSource(CHIP, noise).draw(0, range(2000)).astype(float)
    drive = layer.scale.drives(formats).lsb
    lsb = [
        drive / (1 << layer.shift),
        drive / (1 << layer.shift) * share[0] / (1 - share[0]),
        drive / (1 << formats.membrane_fraction) * drive_slope(layer, formats),
        layer.scale.membranes(formats).lsb / (1 << (formats.membrane_fraction + formats.drive_fraction)),
    ]
    expected = [
        np.hypot(volts.column, volts.reference),
        volts.reset,
        np.hypot(volts.transfer, volts.comparator),
        volts.transfer,
    ]
    rms = drawn.std(axis=(0, 1)) * lsb
    assert rms == pytest.approx(np.stack(expected, axis=-1), rel=0.02)
    assert np.abs(drawn.mean(axis=(0, 1)) * lsb).max() < 0.04 * rms.min()
    # Of the four terms only V_ref is common to all neurons; nothing goes from one cycle or image to the next.
    between = np.corrcoef(drawn[..., 0].reshape(-1, layer.columns).T)
    assert between[0, 1:] == pytest.approx((volts.reference / expected[0][0]) ** 2, abs=0.03)
    for term in range(4):
        assert abs(np.corrcoef(drawn[:, 1:, 0, term].ravel(), drawn[:, :-1, 0, term].ravel())[0, 1]) < 0.03
        assert abs(np.corrcoef(drawn[1:, :, 0, term].ravel(), drawn[:-1, :, 0, term].ravel())[0, 1]) < 0.03
        assert abs(np.corrcoef(drawn[..., 0, term].ravel(), drawn[..., 0, term - 1].ravel())[0, 1]) < 0.03


def test_a_resting_membrane_has_that_noise():
    layer, formats = CHIP.layers[0], CHIP.formats
    volts, share = noise_volts(CHIP.analog, layer.c_column, Noise()), drive_slope(layer, formats)
    trace = golden.run(CHIP, np.zeros((3000, CHIP.pixels), np.uint8), trace=True, noise=Noise()).traces[0]
    membranes, drives = layer.scale.membranes(formats).lsb, layer.scale.drives(formats).lsb
    rounding = (membranes**2 + (share * drives) ** 2) / 12
    expected = np.sqrt(volts.membrane(np.full(layer.columns, share)) ** 2 + rounding)
    silent = ~trace.spikes[:, 0].any(axis=0)
    assert silent.sum() >= 3
    assert trace.membranes[:, 0].std(axis=0)[silent] * membranes == pytest.approx(expected[silent], rel=0.06)


@pytest.mark.parametrize("seed", range(6))
def test_no_noise_is_golden_bit_for_bit(seed):
    chip = random_chip(seed, sizes=(9, 6, 4))
    cold = replace(chip, analog=replace(chip.analog, temperature=-273.15))
    pixels = random_pixels(seed, chip, 20)
    assert same(golden.run(cold, pixels, trace=True, noise=Noise()), golden.run(chip, pixels, trace=True))


def test_one_seed_gives_one_answer_whatever_the_batch():
    pixels = random_pixels(1, CHIP, 50)
    noise = Noise(seed=7, comparator=1e-3, reference=1e-3)
    first = golden.run(CHIP, pixels, trace=True, noise=noise)
    assert same(first, golden.run(CHIP, pixels, trace=True, batch=7, noise=noise))
    assert not same(first, golden.run(CHIP, pixels, trace=True, noise=replace(noise, seed=8)))
    assert not same(first, golden.run(CHIP, pixels, trace=True))


def test_all_surfaces_of_an_outcome_are_disturbed_too():
    chip = by_outcome(CHIP)
    pixels = random_pixels(1, CHIP, 30)
    noise = Noise(seed=2, comparator=5e-4)
    assert same(golden.run(chip, pixels, trace=True, noise=noise), golden.run(CHIP, pixels, trace=True, noise=noise))


def by_outcome(chip: Chip) -> Chip:
    """``chip`` with each of its surfaces twice, once for each outcome."""
    layers = [replace(layer, surfaces=np.stack([layer.surfaces] * 2, axis=1)) for layer in chip.layers]
    return replace(chip, layers=tuple(layers))


def test_the_reference_has_its_share_of_the_supply():
    volts = layer_noise(CHIP.analog, CHIP.layers[0], CHIP.formats, Noise(reference=3e-4, supply=1e-3))
    assert volts.reference == pytest.approx(np.hypot(3e-4, 1e-3 * 0.72 / 1.8), rel=1e-3)  # charge_share's V_ref


def test_noise_is_that_of_the_conditions():
    hot = on_circuit(CHIP, replace(load_circuit("charge_share"), temperature=125.0))
    cold, warm = (layer_noise(chip.analog, chip.layers[0], chip.formats, Noise()) for chip in (CHIP, hot))
    assert warm.column == pytest.approx(cold.column * np.sqrt(398.15 / 300.15), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, "noise seed: must lie in 0 to 2"),
        ({"comparator": float("nan")}, "comparator noise: must lie in 0 to 1 V"),
        ({"reference": 2.0}, "reference noise: must lie in 0 to 1 V"),
        ({"supply": -1.0}, "supply noise: must lie in 0 to 1 V"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(CaptwinError, match=message):
        Noise(**values)


def test_noise_larger_than_the_chip():
    with pytest.raises(CaptwinError, match="layer 0: reference noise of 1 V is more than the chip's codes span"):
        golden.run(CHIP, random_pixels(1, CHIP, 1), noise=Noise(reference=1.0))
    with pytest.raises(CaptwinError, match=r"layer 0: comparator noise of 0\.5 V is more than"):  # as it was given
        NoiseSource(CHIP, Noise(comparator=0.5))
    flat = replace(CHIP.layers[0], surfaces=np.full_like(CHIP.layers[0].surfaces, 5))
    with pytest.raises(CaptwinError, match="drive does not move the membrane"):
        NoiseSource(replace(CHIP, layers=(flat,)), Noise())
