"""The comparison itself, with a SPICE that says what the test wants."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.energy import neuron_energy
from captwin.sim.fidelity import compare
from captwin.sim.fidelity.hidden_state import hidden_state
from captwin.sim.neurons.circuits import load_circuit, under_conditions
from captwin.sim.noise import Noise, NoiseSource
from captwin.sim.spice.benches.bench import MODELS, NETLISTS, Failed
from captwin.sim.spice.benches.column import Chain
from captwin.sim.spice.ngspice import SpiceError
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.corners import save_tables
from tests.support.needs import needs_ngspice

pytestmark = needs_ngspice


@pytest.fixture
def chip(monkeypatch):
    monkeypatch.setattr(compare, "require_ngspice", lambda: "ngspice")
    return load_chip("digits")


def twin_as_spice(monkeypatch, change=lambda v, s: None):
    """Has the twin answer in the place of SPICE; ``change`` spoils v and s, (images, steps, neurons), of layer 0."""

    chip = load_chip("digits")

    def simulate(what, columns, **_):
        number = int(what.removeprefix("layer "))
        layer, places = chip.layers[number], list(columns)
        inputs = np.stack([columns[place].spikes for place in places if place.neuron == places[0].neuron])
        trace = golden.run_layer(layer, chip.formats, inputs)
        v, s = layer.scale.membranes(chip.formats).volts(trace.membranes), trace.spikes.astype(bool)
        if number == 0:
            change(v, s)
        still = (1e-13,) * v.shape[1]
        return {
            place: Chain(
                tuple(v[place.image, :, place.neuron]), tuple(s[place.image, :, place.neuron]), still, still, 0.5
            )
            for place in places
        }

    monkeypatch.setattr(compare, "simulate_chains", simulate)


def test_twin_agrees_with_itself(chip, monkeypatch):
    twin_as_spice(monkeypatch)
    images = load_dataset("digits").test_images[:6]
    result = compare.compare(chip, images)
    total = result.summary()
    assert (total.agreement, total.rms, total.worst, total.faultless, total.single_rms) == (1, 0, 0, 1, 0)
    assert total.single_agreement == 1 and total.energy == pytest.approx(1e-13)
    assert (total.chains, total.cycles, total.neurons) == (6 * 74, 6 * 74 * 8, 74)
    assert result.spice_seconds == pytest.approx(37) and result.class_agreement == 1
    assert (result.labels == golden.run(chip, images).labels).all()


def test_spice_gets_the_encoders_spikes(chip, monkeypatch):
    images = load_dataset("digits").test_images[:2]
    twin_as_spice(monkeypatch)
    simulate, given = compare.simulate_chains, {}

    def watched(what, columns, **arguments):
        given.update((place.image, bench.spikes) for place, bench in columns.items() if place.layer == 0)
        return simulate(what, columns, **arguments)

    monkeypatch.setattr(compare, "simulate_chains", watched)
    compare.compare(chip, images)
    for image, spikes in given.items():
        expected = [chip.encoder.spikes(images[image], step) for step in range(chip.encoder.steps)]
        np.testing.assert_array_equal(spikes, expected)
    assert sorted(given) == [0, 1]


def test_errors_are_found_where_they_are(chip, monkeypatch):
    def spoil(v, s):
        v[1, :, 5] += 1e-3
        s[2, 3, 7] ^= True
        v[2, 3:, 7] += 0.02

    twin_as_spice(monkeypatch, spoil)
    result = compare.compare(chip, load_dataset("digits").test_images[:3], neurons=64)
    first, total = result.summary(result.layers[:1]), result.summary()
    assert first.agreement == pytest.approx(1 - 1 / (3 * 64 * 8)) and first.faultless == pytest.approx(1 - 1 / 192)
    assert first.worst == pytest.approx(0.02) and first.worst_so_far == pytest.approx(1e-3)
    # 0.02 V in the four cycles after the wrong spike, where spikes agree again; 1 mV in eight.
    assert first.rms == pytest.approx(np.sqrt((4 * 0.02**2 + 8 * 1e-6) / (3 * 64 * 8 - 1)))
    assert first.rms_so_far == pytest.approx(np.sqrt(8 * 1e-6 / (3 * 64 * 8 - 5)))
    assert result.worst_chain() == (0, 2, 7) and result.class_agreement is None
    assert total.agreement > first.agreement and total.chains == 3 * 74  # layer 1 got the twin's spikes


def test_errors_after_a_clamped_drive_are_told_apart(chip, monkeypatch):
    def spoil(v, s):
        v[0, 4:, 9] += 3e-3
        v[1, 2, 9] += 1e-3

    twin_as_spice(monkeypatch, spoil)
    clamped = np.zeros((2, 8, 74), bool)
    clamped[0, 4, 9] = True
    codes = golden.unclamped_drives

    def unclamped(layer, *arguments):
        return np.where(clamped[..., : layer.columns], -1, codes(layer, *arguments))

    monkeypatch.setattr(golden, "unclamped_drives", unclamped)
    first = compare.compare(chip, load_dataset("digits").test_images[:2])
    total = first.summary(first.layers[:1])
    assert total.rms == pytest.approx(np.sqrt((4 * 9e-6 + 1e-6) / (2 * 64 * 8)))
    assert total.rms_inside == pytest.approx(np.sqrt(1e-6 / (2 * 64 * 8 - 4)))


def test_time_of_all_columns_is_reckoned_from_some(chip, monkeypatch):
    twin_as_spice(monkeypatch)
    result = compare.compare(chip, load_dataset("digits").test_images[:2], neurons=5)
    assert [len(layer.neurons) for layer in result.layers] == [5, 5]
    assert result.spice_seconds == pytest.approx(0.5 * 74)


def test_later_layers_get_the_spikes_of_spice(chip, monkeypatch):
    def silence(v, s):
        s[:] = False

    twin_as_spice(monkeypatch, silence)
    result = compare.compare(chip, load_dataset("digits").test_images[:2])
    assert not result.layers[1].inputs.any() and result.summary(result.layers[1:]).agreement == 1


def test_energy_is_the_chips_at_its_knots():
    chip = load_chip("digits")
    layer, formats = chip.layers[0], chip.formats
    v, u = np.array([3, 7]) << formats.membrane_fraction, np.array([5, 20]) << formats.drive_fraction
    b = np.array([0, 1])
    assert neuron_energy(layer, formats, v, b, u) == pytest.approx(layer.energy[b, [3, 7], [5, 20]])
    half = neuron_energy(layer, formats, v, b, u + (1 << (formats.drive_fraction - 1)))
    assert half == pytest.approx((layer.energy[b, [3, 7], [5, 20]] + layer.energy[b, [3, 7], [6, 21]]) / 2)


def test_columns_that_fail_are_named_and_the_rest_is_kept(chip, monkeypatch, tmp_path):
    count = 0

    def simulate(self):
        nonlocal count
        count += 1
        if self.column.c_plus[0] == first:
            return Failed("not in time")
        return Chain((0.7,) * 8, (False,) * 8, (0.0,) * 8, (0.0,) * 8, 0.1)

    first = float(chip.layers[0].c_plus[0, 0])
    chosen = np.flatnonzero(chip.layers[0].c_plus[0] == chip.layers[0].c_plus[0, 0])
    monkeypatch.setattr("captwin.sim.spice.benches.column.ColumnBench.simulate", simulate)
    images = load_dataset("digits").test_images[:1]
    with pytest.raises(SpiceError, match=rf"{len(chosen)} of 64 columns do not converge, or not in time: .*neuron 0\)"):
        compare.compare(chip, images, cache=tmp_path)
    with pytest.raises(SpiceError):
        compare.compare(chip, images, cache=tmp_path)
    assert count == 64 + len(chosen)


def test_images_of_another_size(chip):
    with pytest.raises(CaptwinError, match="this chip takes 8 x 8"):
        compare.compare(chip, np.zeros((1, 9), np.uint8))


def test_warnings():
    chip = load_chip("digits")
    other = replace(chip, analog=replace(chip.analog, table_sha256="0" * 64))
    _, warnings = compare.chip_bench(other)
    assert warnings == ("the chip was made from another table of charge_share than the one of this captwin",)
    _, warnings = compare.chip_bench(other, models=MODELS)
    assert warnings == ()
    shifted = replace(chip.layers[0], threshold_offsets=np.full_like(chip.layers[0].threshold_offsets, 3))
    _, warnings = compare.chip_bench(replace(other, layers=(shifted, *chip.layers[1:])), models=MODELS)
    assert warnings == ("the chip's threshold offsets are not in the netlist",)


def test_a_chip_at_a_corner_is_compared_there(tmp_path):
    save_tables(tmp_path / "mine.json", load_circuit("charge_share"))
    slow = under_conditions(load_chip("digits"), "ss", -40, circuit=str(tmp_path / "mine.json"))
    bench, warnings = compare.chip_bench(slow)
    assert (bench.conditions.name, bench.parameters["v_ref"]) == ("ss_-40", 0.72)
    assert warnings == ("the chip was made from another table of charge_share than the one of this captwin",)


def test_netlist_of_ones_own():
    chip = load_chip("digits")
    bench, warnings = compare.chip_bench(
        replace(chip, analog=replace(chip.analog, circuit="mine")), netlist=NETLISTS / "charge_share.cir"
    )
    assert (bench.circuit, warnings) == ("mine", ()) and bench.parameters["c_column"] == 1e-12


def test_chip_of_one_step_has_no_past(chip, monkeypatch):
    single = replace(chip, encoder=replace(chip.encoder, steps=1))
    twin_as_spice(monkeypatch)
    result = compare.compare(single, load_dataset("digits").test_images[:1])
    assert hidden_state(result).cycles == 0 and result.summary().cycles == 74


def test_both_models_get_the_same_noise(monkeypatch):
    """SPICE answers as the twin does with its integers: then noise does the same in both, cycle by cycle."""
    chip, noise = load_chip("digits-tiny"), Noise(comparator=1e-3, reference=5e-4)
    images = load_dataset("digits").test_images[:5]
    monkeypatch.setattr(compare, "require_ngspice", lambda: "ngspice")
    layer, formats, told = chip.layers[0], chip.formats, []

    def simulate(what, columns, **_):
        told.append(what)
        integers = None
        if what.endswith("with noise"):
            integers = NoiseSource(chip, noise).draw(0, range(len(images)))
            assert any(column.disturbance.reference.any() for column in columns.values())
        inputs = np.stack([column.spikes for place, column in columns.items() if place.neuron == 0])
        trace = golden.run_layer(layer, formats, inputs, integers)
        v, s = layer.scale.membranes(formats).volts(trace.membranes), trace.spikes.astype(bool)
        still = (1e-13,) * v.shape[1]
        at = {place: (place.image, slice(None), place.neuron) for place in columns}
        return {place: Chain(tuple(v[where]), tuple(s[where]), still, still, 0.5) for place, where in at.items()}

    monkeypatch.setattr(compare, "simulate_chains", simulate)
    result = compare.compare(chip, images, noise=noise)
    total, effect = result.summary(), result.noise_effect()
    assert told == ["layer 0 without noise", "layer 0 with noise"]
    assert (total.agreement, total.rms, total.single_agreement, total.single_rms) == (1, 0, 1, 0)
    assert result.class_agreement == 1
    assert effect.difference_rms == 0 and effect.spice_rms == effect.twin_rms > 2e-4
    assert effect.spice_turned == effect.twin_turned > 0 and 0 < effect.cycles < total.cycles
    # The quiet chains are those of a comparison without noise.
    quiet = compare.compare(chip, images)
    assert result.quiet.summary() == quiet.summary() and quiet.noise_effect() is None and quiet.quiet is quiet
    assert result.column_bench(0, 2, 3).disturbance.column.tolist() != [0] * 8
