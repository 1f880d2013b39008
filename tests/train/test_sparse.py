"""Sparse networks of few levels, and neurons without interpolation: from the settings to the chip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from captwin.hw.look_up import look_up_of
from captwin.hw.real_time_area import real_time_size
from captwin.hw.support.errors import CaptwinError
from captwin.sim import activity, golden
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.devices.memcapacitor import Effects
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.config import ConfigError, TrainConfig, load_config
from captwin.train.loop import build_network, train
from captwin.train.model.pruning import kept_share, largest
from captwin.train.real_time import planned_size
from captwin.train.zoo import load_chip
from tests.system.test_second_model import compare


def settings(**changes) -> TrainConfig:
    given = {
        "data": "digits",
        "hidden": [12],
        "levels": [2, 8],
        "sparsity": [0.7, 0.2],
        "direct": {"membrane_bits": 4, "drive_bits": [5, 6]},
        "v_read": 0.6,
        "bias_share": 0.1,
        "epochs": 2,
        "batch_size": 256,
        "learning_rate": 0.02,
        "encoder": {"kind": "rate", "steps": 4},
    }
    return TrainConfig(**{key: value for key, value in (given | changes).items() if value is not None})


def test_shares_and_largest():
    assert kept_share(0.8, 0.0) == 1 and kept_share(0.8, 1.0) == pytest.approx(0.2)
    shares = [kept_share(0.8, progress) for progress in np.linspace(0, 1, 9)]
    assert shares == sorted(shares, reverse=True)
    weights = torch.tensor([[3.0, -1.0], [-2.0, 0.5], [1.0, 4.0]])
    assert largest(weights, 0.5).tolist() == [[True, False], [True, False], [False, True]]
    assert largest(weights, 1.0, fan_in=1).tolist() == [[True, False], [False, False], [False, True]]
    assert largest(torch.zeros(2, 2), 0.5).tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("circuit", ["charge_share", "gf180_charge_share"])
def test_a_sparse_chip_has_its_zeros_and_needs_no_interpolation(circuit, tmp_path, digits):
    config = settings(circuit=circuit)
    result = train(config, tmp_path)
    chip = result.chip
    assert [int((layer.charges != 0).sum()) for layer in chip.layers] == [round(0.3 * 64 * 12), round(0.8 * 120)]
    assert set(np.unique(chip.layers[0].charges)) == {-1, 0, 1} and np.abs(chip.layers[1].charges).max() <= 7
    memories = [look_up_of(layer, chip.formats) for layer in chip.layers]
    assert [(memory.membrane_bits, memory.drive_bits) for memory in memories if memory] == [(4, 5), (4, 6)]
    assert real_time_size(chip) == planned_size(config, digits)
    # Training's arithmetic, the exact one, the golden model and the second model are the same.
    assert set(result.difference.as_dict().values()) == {0.0}
    answers = golden.run(chip, digits.test_images)
    assert answers.accuracy(digits.test_labels) == result.test_accuracy == result.train_accuracy
    compare(chip, digits.test_images[:3], tmp_path)
    # Its memcapacitors are told from its capacitances, and spread.
    assert fabricate(chip, Process(), seed=1).layers[0].gains.max() > 0
    assert fabricate(chip, Process(Effects(sigma_c=0.05)), seed=1).build_id != chip.build_id


def test_sparsity_alone_and_a_limited_fan_in(tmp_path):
    chip = train(settings(direct=None, sparsity=0.5, fan_in=4, levels=16), tmp_path).chip
    counts = [(layer.charges != 0).sum(0) for layer in chip.layers]
    assert counts[0].max() == 4 and counts[1].max() == 4 and counts[0].sum() > 40
    assert look_up_of(chip.layers[0], chip.formats) is None


def test_the_same_weights_stay_zero_after_pruning(tmp_path, monkeypatch):
    kept = []

    def watched(run, epoch):
        row = type(run).__mro__[1]._epoch(run, epoch)
        kept.append([layer.kept.clone() for layer in run.network.circuit_layers])
        return row

    monkeypatch.setattr(loop, "_Run", type("_Watched", (loop._Run,), {"_epoch": watched}))
    config = settings(epochs=4, pruning=0.5)
    chip = train(config, tmp_path).chip
    shares = [float(each[0].float().mean()) for each in kept]
    assert shares[0] > shares[1] == shares[3] == pytest.approx(0.3, abs=0.001)
    for early, late, layer in zip(kept[1], kept[3], chip.layers, strict=True):
        assert torch.equal(early, late)
        assert (late.numpy() == (layer.charges != 0)).all() or chip.provenance["accuracy"]["epoch"] < 2


def test_an_interrupted_run_goes_on_to_the_same_chip(tmp_path, monkeypatch):
    config = settings(epochs=3, pruning=0.6)
    whole = train(config, tmp_path / "whole").chip_path.read_bytes()

    class Interrupted(loop._Run):
        def _epoch(self, epoch: int) -> dict[str, float]:
            if epoch == 2:
                raise KeyboardInterrupt
            return super()._epoch(epoch)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", Interrupted)
        stopped = train(config, tmp_path / "run")
    assert stopped.interrupted and int((stopped.chip.layers[0].charges != 0).sum()) == round(0.3 * 64 * 12)
    assert train(config, tmp_path / "run", resume=True).chip_path.read_bytes() == whole


def test_training_can_begin_with_a_chip(tmp_path, digits):
    config = settings(start="digits-small", hidden=[20], epochs=1, learning_rate=0.001)
    result, drawn = train(config, tmp_path / "a"), train(config.model_copy(update={"start": None}), tmp_path / "b")
    assert result.test_accuracy > drawn.test_accuracy + 0.2
    given = load_chip("digits-small")
    assert result.chip.provenance["start"] == f"{given.build_id:016x}"
    same = (np.sign(result.chip.layers[0].charges) == np.sign(given.layers[0].charges))[
        result.chip.layers[0].charges != 0
    ]
    assert same.mean() > 0.9
    with pytest.raises(CaptwinError, match="start: a chip of 64-20-10 cannot begin a network of 64-12-10; set hidden"):
        train(settings(start="digits-small"), tmp_path / "c")
    given = replace(given, layers=(replace(given.layers[0], offsets=given.layers[0].offsets + 1), given.layers[1]))
    given.save(tmp_path / "other.safetensors")
    with pytest.raises(CaptwinError, match=r"made with another|made with start"):
        train(config.model_copy(update={"start": str(tmp_path / "other.safetensors")}), tmp_path / "a", resume=True)


def test_a_network_on_the_spread_of_devices_trains(tmp_path):
    config = settings(sigma_c=0.05, sigma_threshold=0.002, noise=True)
    assert all(look_up_of(layer, config.chip_formats) for layer in train(config, tmp_path).chip.layers)


def test_drives_of_a_bias_are_whole_charges(digits):
    network = build_network(settings(), digits, load_circuit("charge_share"))
    layer = network.circuit_layers[0]
    with torch.no_grad():
        layer.bias.copy_(torch.linspace(-1.2, 1.2, 12))
    chip = network.to_chip()
    unit = 8 << chip.layers[0].shift  # 5 bits of 8
    charges = chip.layers[0].offsets // unit - 16
    assert layer.bias_width == 6 and charges.tolist() == [-6, -6, -5, -3, -2, -1, 1, 2, 3, 5, 6, 6]


def test_drives_beyond_a_small_table_are_told(digits):
    chip = build_network(settings(direct={"drive_bits": 1}), digits, load_circuit("charge_share")).to_chip()
    lines = activity.measure(chip, digits.test_images[:20]).warnings()
    assert any(line.startswith("layer 0") and line.endswith("are clamped; raise direct.drive_bits") for line in lines)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"levels": "a"}, "levels: Input should be a whole number, or a list with one for each layer"),
        ({"levels": [2]}, "levels: has 1 numbers for 2 layers"),
        ({"levels": [2, 99]}, "levels: charge_bits = 5 holds 2 to 16 levels"),
        ({"levels": [0, 4]}, "levels: unquantised weights are for all layers"),
        ({"sparsity": 1.0}, "sparsity: each layer keeps some of its weights; give 0 to below 1, got 1.0"),
        ({"sparsity": [0.5]}, "sparsity: has 1 numbers for 2 layers"),
        ({"sparsity": 0.5, "mapping": "complementary"}, "sparsity: only weights of one_sided can be 0"),
        ({"sparsity": 0.5, "levels": 0}, "sparsity: needs weights of levels"),
        ({"fan_in": 3}, "fan_in: is for layers with sparsity"),
        ({"direct": {}}, "direct: its formats follow from its bits; leave formats out"),
        ({"direct": {"drive_bits": [5, 9]}}, "direct.drive_bits: a table has 1 to 8 of them"),
        ({"direct": {"drive_bits": [5, 5, 5]}}, "direct: drive_bits has 3 numbers for 2 layers"),
        ({"direct": {"twist": 1}}, "direct.twist: unknown field; known are membrane_bits"),
        ({"start": ""}, "start: String should have at least 1 character"),
    ],
)
def test_bad_settings_are_told_in_one_line(override, message):
    with pytest.raises(ConfigError) as caught:
        load_config("digits", **override)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": 0, "sparsity": 0.0}, "neurons without interpolation need whole charges; give 2 to 512 levels"),
        ({"mapping": "complementary", "sparsity": 0.0}, "needs charges of any whole number; set mapping to one_sided"),
        ({"conditions": "all"}, "neurons without interpolation are trained on one table"),
    ],
)
def test_what_neurons_without_interpolation_cannot_be_with(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)
