import csv
import json

import pytest
import torch

from hw.chip import Chip
from hw.support.errors import CaptwinError
from sim import golden
from sim.analog.circuits import load_circuit
from train import loop
from train.config import Distillation, load_config
from train.data import Dataset, load_dataset
from train.evaluate import float_difference
from train.loop import build_network, train


@pytest.fixture
def quick():
    return load_config("digits", epochs=3, hidden=[16], batch_size=64, learning_rate=0.02, encoder={"steps": 4})


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_run_leaves_everything_and_learns(quick, tmp_path, digits):
    result = train(quick, tmp_path / "run", progress=None)
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"config.json", "checkpoint.safetensors", "chip.safetensors", "curves.csv", "curves.png"}
    assert json.loads((tmp_path / "run/config.json").read_text())["hidden"] == [16]
    with (tmp_path / "run/curves.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3
    assert not result.interrupted and result.epochs_done == 3
    assert result.test_accuracy > 0.5
    chip = Chip.load(result.chip_path)
    assert chip.build_id == result.chip.build_id and chip.sizes == (64, 16, 10)
    assert golden.run(chip, digits.test_images).accuracy(digits.test_labels) == result.test_accuracy
    assert chip.provenance["accuracy"]["test"] == result.test_accuracy
    assert chip.analog.table_sha256 == load_circuit("charge_share").circuit_sha256


def test_one_seed_gives_one_file(quick, tmp_path):
    first = train(quick, tmp_path / "a", progress=None).chip_path.read_bytes()
    assert train(quick, tmp_path / "b", progress=None).chip_path.read_bytes() == first
    other = quick.model_copy(update={"seed": 2})
    assert train(other, tmp_path / "c", progress=None).chip_path.read_bytes() != first


class _Interrupted(loop._Run):
    """Somebody presses Ctrl-C in the second epoch."""

    def _epoch(self, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return super()._epoch(epoch, *arguments)


def test_interrupted_run_exports_its_best_and_resumes_to_the_same_bytes(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"augmentation": type(quick.augmentation)(rotation=5.0, shift=0.5, scale=0.05)})
    whole = train(quick, tmp_path / "whole", progress=None).chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        result = train(quick, tmp_path / "run", progress=None)
    assert result.interrupted and result.epochs_done == 1
    assert Chip.load(result.chip_path).provenance["accuracy"]["epoch"] == 1
    result = train(quick, tmp_path / "run", resume=True, progress=None)
    assert not result.interrupted and result.epochs_done == 3
    assert result.chip_path.read_bytes() == whole
    for name in ("checkpoint.safetensors", "curves.csv", "curves.png"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_network_learns_from_its_teacher_alone(quick, tmp_path):
    def taught(weight):
        config = quick.model_copy(update={"distillation": Distillation(epochs=20, weight=weight)})
        return train(config, tmp_path / str(weight), progress=None)

    alone = train(quick, tmp_path / "alone", progress=None).chip
    assert taught(0.0).chip.build_id == alone.build_id
    pupil = taught(1.0)
    assert pupil.chip.build_id != alone.build_id and pupil.test_accuracy > 0.5


def test_a_teacher_is_kept(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"distillation": Distillation(epochs=2)})
    whole = train(quick, tmp_path / "whole", progress=None).chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        train(quick, tmp_path / "run", progress=None)
    monkeypatch.setattr(loop, "train_teacher", lambda *_: pytest.fail("taught again"))
    assert train(quick, tmp_path / "run", resume=True, progress=None).chip_path.read_bytes() == whole
    teacher = tmp_path / "run/teacher.safetensors"
    teacher.write_bytes(teacher.read_bytes()[:1000])
    with pytest.raises(CaptwinError, match="not the whole teacher of this run"):
        train(quick, tmp_path / "run", resume=True, progress=None)


def test_the_last_epoch_as_good_as_the_best_becomes_the_chip(quick, tmp_path, monkeypatch):
    # Of 144 validation images 90 % are right with a standard error of 2.5 %.
    said = iter([0.5, 0.9, 0.88, 0.87, 0.6, 0.4])
    monkeypatch.setattr(loop, "exact_accuracy", lambda *_: next(said))
    chip = train(quick.model_copy(update={"epochs": 5}), tmp_path, progress=None).chip
    assert chip.provenance["accuracy"] == {"test": 0.4, "test_images": 360, "validation": 0.88, "epoch": 3}


def test_weights_that_decay_make_light_columns(quick, tmp_path):
    heavy, light = (
        train(quick.model_copy(update={"weight_decay": decay}), tmp_path / str(decay), progress=None).chip
        for decay in (0.0, 1.0)
    )
    # The unit capacitance of a layer is what its heaviest column leaves room for.
    assert light.layers[0].c_plus.min() > heavy.layers[0].c_plus.min()


def test_interrupted_before_the_first_epoch_is_done(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(loop._Run, "_epoch", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(quick, tmp_path, progress=None)
    assert not (tmp_path / "chip.safetensors").exists()


def _interrupt(*arguments):
    raise KeyboardInterrupt


def test_resuming_needs_a_checkpoint_of_the_same_configuration(quick, tmp_path):
    with pytest.raises(CaptwinError, match="no checkpoint to resume from"):
        train(quick, tmp_path, resume=True, progress=None)
    train(quick, tmp_path, progress=None)
    other = quick.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(CaptwinError, match=r"made with learning_rate = 0.0\d+, now it is 0.5"):
        train(other, tmp_path, resume=True, progress=None)
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CaptwinError, match="not a whole checkpoint"):
        train(quick, tmp_path, resume=True, progress=None)


def test_device_that_is_not_there(quick, tmp_path):
    with pytest.raises(CaptwinError, match="device: PyTorch cannot compute on 'abacus' here"):
        train(quick, tmp_path / "run", device="abacus", progress=None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "override",
    [
        {"mapping": "complementary"},
        {"neuron": "ideal", "levels": 0},
        {"hidden": []},
        {"hidden": [12, 12], "readout": "first_spike"},
        {"encoder": {"kind": "bernoulli"}},
        {"encoder": {"kind": "latency"}},
        {"formats": {"charge_bits": 8, "drive_bits": 12, "drive_fraction": 6}, "levels": 100},
    ],
)
def test_every_setting_trains_to_a_chip(override, tmp_path, digits):
    config = load_config("digits", **{"epochs": 1, "hidden": [12], "batch_size": 256, **override})
    result = train(config, tmp_path, progress=None)
    assert golden.run(result.chip, digits.test_images).accuracy(digits.test_labels) == result.test_accuracy


def test_a_table_file_is_a_circuit(quick, tmp_path):
    load_circuit("charge_share").save(tmp_path / "mine.json")
    own = quick.model_copy(update={"circuit": str(tmp_path / "mine.json"), "epochs": 1})
    result = train(own, tmp_path / "run", progress=None)
    assert result.chip.provenance["config"]["circuit"] == "mine.json"


def test_gradients_reach_every_weight(quick, digits: Dataset):
    network = build_network(quick, digits, load_circuit("charge_share"))
    last = network.trace(torch.tensor(digits.train_images[:256]))[-1]
    (last.s.sum() + last.v.mean()).backward()
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
