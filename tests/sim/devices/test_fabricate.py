"""Chips as fabricated: their codes stand for their capacitances, and an ideal process changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Chip, Formats
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.devices.fabricate import Process, drive_slope, fabricate, programmed, threshold_shift_codes
from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.sim.devices.memcapacitor import Effects, History
from captwin.sim.mismatch.model import NUMBERS
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.circuit_chips import circuit_chip, reference_table
from tests.support.mismatch import drawn_mismatch


def volts_and_codes(chip: Chip, layer_number: int, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The drive that the capacitances of a layer make, in fractional codes, and the drive code of its integers."""
    layer, formats = chip.layers[layer_number], chip.formats
    charge = spikes @ (layer.c_plus.astype(float) - layer.c_minus) + layer.c_bias[0].astype(float) - layer.c_bias[1]
    volts = chip.analog.v_read * charge / layer.c_column
    exact = np.clip(layer.scale.drives(formats).codes(volts), 0, formats.drive_max)
    return exact, golden.run_layer(layer, formats, spikes[None]).drives[0]


@pytest.mark.parametrize("kind", ["one_sided", "complementary"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_an_ideal_process_changes_nothing(kind: str, seed: int) -> None:
    chip = circuit_chip(seed, kind=kind)
    made = fabricate(chip, Process(), seed=seed)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, chip.pixels)).astype(np.uint8)
    before, after = golden.run(chip, pixels, trace=True), golden.run(made, pixels, trace=True)
    assert made.formats.charge_bits in (8, 9, 10)
    for nominal, layer in zip(chip.layers, made.layers, strict=True):
        for name in ("c_plus", "c_minus", "c_bias", "c_column"):
            np.testing.assert_allclose(getattr(layer, name), getattr(nominal, name), rtol=1e-6)
        ratio = int(np.abs(layer.charges).max()) // int(np.abs(nominal.charges).max())
        np.testing.assert_array_equal(layer.charges, ratio * nominal.charges.astype(int))
    # Inputs of the first layer are the same, so a drive can only differ where it lay between two codes.
    assert np.abs(before.traces[0].drives.astype(int) - after.traces[0].drives).max() <= 1


def test_an_ideal_process_keeps_every_class_of_a_shipped_chip() -> None:
    chip, images = load_chip("digits"), load_dataset("digits").test_images
    before, after = golden.run(chip, images), golden.run(fabricate(chip, Process(), seed=1), images)
    np.testing.assert_array_equal(before.labels, after.labels)
    np.testing.assert_array_equal(before.membranes, after.membranes)


@pytest.mark.parametrize("sigma", [0.05, 0.2])
@pytest.mark.parametrize("name", ["digits", "mnist-lowenergy"])
def test_codes_stand_for_the_capacitances(name: str, sigma: float) -> None:
    process = Process(Effects(sigma_c=sigma, stuck=0.002, c_v1=0.05, c_v2=-0.02))
    chip = fabricate(load_chip(name), process, seed=5)
    rng = np.random.default_rng(5)
    for number, layer in enumerate(chip.layers):
        spikes = rng.random((400, layer.rows)) < rng.uniform(0.02, 0.4, (400, 1))
        exact, codes = volts_and_codes(chip, number, spikes)
        error = codes - exact
        # Rounding makes the errors: that of each spiking charge, and that of the drive itself.
        per_charge = layer.gains.max() / (1 << layer.shift)
        expected = np.sqrt((per_charge**2 * spikes.sum(axis=1).mean() + 1) / 12)
        rms = np.sqrt(np.square(error).mean())
        assert rms <= 1.1 * expected and np.abs(error).max() <= 6 * expected, (number, rms, expected)
        assert chip.formats.charge_bits == 10 or per_charge * np.sqrt(layer.rows / 2 / 12) <= 0.5


def test_columns_hold_what_changed() -> None:
    nominal = load_chip("digits")
    made = fabricate(nominal, Process(Effects(sigma_c=0.2)), seed=2)
    for before, after in zip(nominal.layers, made.layers, strict=True):
        change = [
            sum(getattr(layer, name).astype(float).sum(axis=0) for name in ("c_plus", "c_minus", "c_bias"))
            for layer in (before, after)
        ]
        expected = before.c_column.astype(float) + change[1] - change[0]
        np.testing.assert_allclose(after.c_column, expected, rtol=1e-6)
        factors = np.concatenate([(after.c_plus / before.c_plus).ravel(), (after.c_minus / before.c_minus).ravel()])
        assert factors.std() == pytest.approx(0.2, rel=0.1) and factors.mean() == pytest.approx(1, abs=0.02)


def test_a_seed_gives_the_same_bytes_and_another_other_ones(tmp_path) -> None:
    chip = load_chip("digits")
    process = Process(Effects(sigma_c=0.1, stuck=0.01, drift=0.01), History(seconds=1e5), 2e-3)
    for name, seed, number in (("a", 7, 3), ("b", 7, 3), ("c", 8, 3), ("d", 7, 4)):
        fabricate(chip, process, seed=seed, number=number).save(tmp_path / name)
    data = {name: (tmp_path / name).read_bytes() for name in "abcd"}
    assert data["a"] == data["b"] and len(set(data.values())) == 3
    loaded = Chip.load(tmp_path / "a")
    assert loaded.provenance["fabricated"]["effects"]["sigma_c"] == 0.1


def test_comparators_spread_at_the_membrane() -> None:
    chip = circuit_chip(1, sizes=(4, 4000))
    layer = fabricate(chip, Process(sigma_vth=2e-3), seed=1).layers[0]
    u_lsb = layer.scale.drives(chip.formats).lsb
    at_membrane = layer.threshold_offsets * u_lsb * drive_slope(layer, chip.formats)
    assert at_membrane.std() == pytest.approx(2e-3, rel=0.05) and abs(at_membrane.mean()) < 1.5e-4


def test_the_slope_of_a_linear_membrane_is_that_of_charge_sharing() -> None:
    layer, formats = circuit_chip(1).layers[0], Formats()
    a = reference_table().c_column / (reference_table().c_column + reference_table().c_membrane)
    assert drive_slope(layer, formats) == pytest.approx(a, rel=0.03)
    u_lsb = layer.scale.drives(formats).lsb
    codes = threshold_shift_codes(layer, formats, np.array([4e-3, 0.0, -4e-3, 1e3]))
    np.testing.assert_allclose(codes[:3] * u_lsb * a, [4e-3, 0, -4e-3], atol=2e-4)
    assert codes[3] == formats.drive_max
    never = replace(layer, thresholds=np.full_like(layer.thresholds, formats.drive_max + 1))
    assert drive_slope(never, formats) == pytest.approx(a, rel=0.03)
    fires_elsewhere = replace(layer, surfaces=np.stack([layer.surfaces, np.full_like(layer.surfaces, 5)], axis=1))
    assert drive_slope(fires_elsewhere, formats) == drive_slope(layer, formats)
    flat = replace(layer, surfaces=np.full_like(layer.surfaces, 5))
    with pytest.raises(CaptwinError, match="does not move this neuron's membrane"):
        threshold_shift_codes(flat, formats, np.zeros(1))


@pytest.mark.parametrize("kind", ["one_sided", "complementary"])
def test_devices_are_found_again(kind: str) -> None:
    chip = circuit_chip(3, kind=kind, sizes=(200, 12), bias_share=1 / 20)
    found = programmed(chip.layers[0], MAPPINGS[kind], 16, Effects(), "here")
    assert found.bias_width == 10
    memcapacitor = found.memcapacitor
    assert memcapacitor.c_on / memcapacitor.c_off == pytest.approx(10, rel=1e-3)
    assert found.charge_lsb == pytest.approx((memcapacitor.c_on - memcapacitor.c_off) / 15, rel=1e-6)
    (other,) = MAPPINGS.keys() - {kind}
    with pytest.raises(CaptwinError, match=r"here: its capacitances are not those of (the mapping|devices with 16)"):
        programmed(chip.layers[0], MAPPINGS[other], 16, Effects(), "here")


def test_only_chips_as_programmed_are_fabricated() -> None:
    chip = load_chip("digits")
    again = fabricate(chip, Process(Effects(sigma_c=0.1)), seed=1)
    with pytest.raises(CaptwinError, match=r"layers\.0\.charges: its capacitances are not those of its charge codes"):
        fabricate(again, Process(), seed=1)
    blank = replace(chip.layers[1], charges=np.zeros_like(chip.layers[1].charges))
    with pytest.raises(CaptwinError, match=r"layers\.1\.charges: every charge is 0"):
        fabricate(replace(chip, layers=(chip.layers[0], blank)), Process(), seed=1)
    fewer = replace(chip, provenance={"config": {"levels": 8, "mapping": "one_sided"}})
    with pytest.raises(CaptwinError, match="not those of devices with 8 levels"):
        fabricate(fewer, Process(), seed=1)
    with pytest.raises(CaptwinError, match="sigma_vth: must lie in 0 to 1 V, got -1"):
        Process(sigma_vth=-1)


@pytest.mark.parametrize("kind", ["one_sided", "complementary"])
def test_a_trim_moves_each_bias_as_far_as_its_threshold_is_off(kind: str) -> None:
    chip = circuit_chip(4, sizes=(200, 60, 4), kind=kind)
    plain, made = (
        fabricate(chip, Process(mismatch=drawn_mismatch("charge_share", sigma=0.004), trim=trim), seed=6)
        for trim in (False, True)
    )
    nominal, before, after = (each.layers[0] for each in (chip, plain, made))
    np.testing.assert_array_equal(before.threshold_offsets, after.threshold_offsets)
    for name in ("c_plus", "c_minus"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    volts = after.threshold_offsets * after.scale.drives(made.formats).lsb
    wanted = volts / chip.analog.v_read * nominal.c_column
    parts = programmed(nominal, MAPPINGS[kind], 16, Effects(), "here")
    step = parts.charge_lsb * parts.bias_width * (2 if kind == "complementary" else 1)
    of_before, of_after = (each.c_bias[0].astype(float) - each.c_bias[1] for each in (before, after))
    inside = np.abs(of_before + wanted) < 15 * parts.charge_lsb * parts.bias_width
    assert inside.mean() > 0.5 and np.abs(of_after - of_before - wanted)[inside].max() < 0.51 * step
    assert (np.abs(of_after - of_before - wanted)[~inside] <= np.abs(wanted[~inside]) + step).all()
    assert made.provenance["fabricated"]["trim"] and str(Process(trim=True)) == "trimmed by the bias"


def test_mismatch_draws_thresholds_and_nothing_else() -> None:
    chip, effects = circuit_chip(4, sizes=(12, 300, 4)), Effects(sigma_c=0.1)
    model = drawn_mismatch("charge_share", sigma=0.004)
    plain, made, again = (
        fabricate(chip, Process(effects, mismatch=mismatch), seed=6) for mismatch in (None, model, model)
    )
    assert made.build_id == again.build_id != plain.build_id
    for before, after in zip(plain.layers, made.layers, strict=True):
        for name in ("charges", "gains", "offsets", "c_plus", "c_minus", "c_column"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
    volts = made.layers[0].threshold_offsets * made.layers[0].scale.drives(made.formats).lsb
    place = list(NUMBERS).index("threshold")
    deviation = np.sqrt(model.covariance[place, place])
    assert volts.std() == pytest.approx(deviation, rel=0.15)
    assert volts.mean() == pytest.approx(model.mean[place], abs=4 * deviation / np.sqrt(300))
    assert made.provenance["fabricated"]["mismatch"] == {"pdk": "gf180mcu", "sha256": model.sha256}
    assert "mismatch" not in plain.provenance["fabricated"]
    assert str(Process(mismatch=model)) == "mismatch in gf180mcu"
