"""Training: what a run leaves, how the network learns, and what is refused."""

import csv
import json
from dataclasses import replace

import pytest
import torch

from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.config import Distillation, load_config
from captwin.train.datasets.dataset import Dataset
from captwin.train.evaluate import float_difference
from captwin.train.export import export_chip
from captwin.train.loop import build_network, train
from captwin.train.runs.run_folder import FILES
from captwin.train.zoo import chip_warnings


def test_run_leaves_everything_and_learns(quick, tmp_path, digits):
    result = train(quick, tmp_path / "run")
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {*FILES} - {"teacher.safetensors"}
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert json.loads((tmp_path / "run/config.json").read_text())["hidden"] == [16]
    with (tmp_path / "run/curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == lines
    assert not result.interrupted and result.epochs_done == 3
    assert result.test_accuracy > 0.5
    chip = Chip.load(result.chip_path)
    assert chip.build_id == result.chip.build_id and chip.sizes == (64, 16, 10)
    assert golden.run(chip, digits.test_images).accuracy(digits.test_labels) == result.test_accuracy
    assert chip.provenance["accuracy"]["test"] == result.test_accuracy
    assert chip.analog.table_sha256 == load_circuit("charge_share").circuit_sha256


def test_one_seed_gives_one_file(quick, tmp_path):
    first = train(quick, tmp_path / "a").chip_path.read_bytes()
    assert train(quick, tmp_path / "b").chip_path.read_bytes() == first
    other = quick.model_copy(update={"seed": 2})
    assert train(other, tmp_path / "c").chip_path.read_bytes() != first


def test_a_network_learns_from_its_teacher_alone(quick, tmp_path):
    def taught(weight):
        config = quick.model_copy(update={"distillation": Distillation(epochs=20, weight=weight)})
        return train(config, tmp_path / str(weight))

    alone = train(quick, tmp_path / "alone").chip
    assert taught(0.0).chip.build_id == alone.build_id
    pupil = taught(1.0)
    assert pupil.chip.build_id != alone.build_id and pupil.test_accuracy > 0.5


def test_the_last_epoch_as_good_as_the_best_becomes_the_chip(quick, tmp_path, monkeypatch):
    # Of 144 validation images 90 % are right with a standard error of 2.5 %.
    said = iter([0.5, 0.9, 0.88, 0.87, 0.6, 0.4])
    monkeypatch.setattr(loop, "exact_accuracy", lambda *_: next(said))
    chip = train(quick.model_copy(update={"epochs": 5}), tmp_path).chip
    assert chip.provenance["accuracy"] == {"test": 0.4, "test_images": 360, "validation": 0.88, "epoch": 3}


def test_weights_that_decay_make_light_columns(quick, tmp_path):
    heavy, light = (
        train(quick.model_copy(update={"weight_decay": decay}), tmp_path / str(decay)).chip for decay in (0.0, 1.0)
    )
    # The unit capacitance of a layer is what its heaviest column leaves room for.
    assert light.layers[0].c_plus.min() > heavy.layers[0].c_plus.min()


def test_data_of_another_name_only(quick, digits):
    network = build_network(quick, digits, load_circuit("charge_share"))
    fake = replace(digits, test_labels=digits.test_labels[::-1])
    with pytest.raises(CaptwinError, match="called digits, but its images or labels are not those of digits"):
        export_chip(network, quick, fake, {})
    assert export_chip(network, quick, replace(fake, name="mine"), {}).provenance["data"]["name"] == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_read": 0.001}, "layer 0: no neuron ever fires"),
        ({"encoder": {"steps": 1, "phase": 0}}, "encoder: 100 % of the pixels that are not black never spike"),
    ],
)
def test_a_silent_network_is_told(changes, message, tmp_path):
    config = load_config("digits-tiny", epochs=1, batch_size=256, **changes)
    result = train(config, tmp_path)
    assert message in "\n".join(result.activity.warnings())
    assert result.activity.wordless == 1 and result.activity.layers[0].spike_rate == 0
    assert result.chip.provenance["warnings"] == result.activity.warnings()
    assert chip_warnings(Chip.load(result.chip_path)) == result.activity.warnings()


def test_device_that_is_not_there(quick, tmp_path):
    with pytest.raises(CaptwinError, match="device: PyTorch cannot compute on 'abacus' here"):
        train(quick, tmp_path / "run", device="abacus")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "override",
    [
        {"mapping": "complementary"},
        {"neuron": "ideal", "levels": 0},
        {"hidden": []},
        {"hidden": [12, 12], "readout": "first_spike"},
        *({"encoder": {"kind": kind}} for kind in ENCODERS),
        {"formats": {"charge_bits": 8, "drive_bits": 12, "drive_fraction": 6}, "levels": 100},
    ],
)
def test_every_setting_trains_to_a_chip(override, tmp_path, digits):
    config = load_config("digits", **{"epochs": 1, "hidden": [12], "batch_size": 256, **override})
    result = train(config, tmp_path)
    assert golden.run(result.chip, digits.test_images).accuracy(digits.test_labels) == result.test_accuracy


def test_a_table_file_is_a_circuit(quick, tmp_path):
    load_circuit("charge_share").save(tmp_path / "mine.json")
    own = quick.model_copy(update={"circuit": str(tmp_path / "mine.json"), "epochs": 1})
    result = train(own, tmp_path / "run")
    assert result.chip.provenance["config"]["circuit"] == "mine.json"


def test_gradients_reach_every_weight(quick, digits: Dataset):
    network = build_network(quick, digits, load_circuit("charge_share"))
    last = network.trace(torch.tensor(digits.train_images[:256]))[-1]
    (last.spikes.sum() + last.membranes.mean()).backward()
    lit = torch.tensor(digits.train_images[:256].max(axis=0) >= 128)
    for number, layer in enumerate(network.layers):
        gradient = layer.weight.grad[lit] if number == 0 else layer.weight.grad
        assert (gradient != 0).float().mean() > 0.99
        assert (layer.bias.grad != 0).all()


def test_training_arithmetic_is_all_but_exact(digits):
    network = build_network(load_config("digits"), digits, load_circuit("charge_share"))
    difference = float_difference(network, torch.tensor(digits.test_images))
    assert difference.drives < 1e-3
    assert difference.membranes < 5e-3
    assert difference.spikes < 1e-3
    assert difference.labels < 0.01
