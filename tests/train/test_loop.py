import csv
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.locks import locked_folder
from captwin.sim import golden
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.config import Distillation, load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset
from captwin.train.evaluate import float_difference
from captwin.train.export import export_chip
from captwin.train.loop import build_network, train
from captwin.train.runs.run_folder import FILES
from captwin.train.zoo import chip_warnings


@pytest.fixture
def quick():
    return load_config("digits", epochs=3, hidden=[16], batch_size=64, learning_rate=0.02, encoder={"steps": 4})


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


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


class _Interrupted(loop._Run):
    """Somebody presses Ctrl-C in the second epoch."""

    def _epoch(self, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return super()._epoch(epoch, *arguments)


def test_interrupted_run_exports_its_best_and_resumes_to_the_same_bytes(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"augmentation": type(quick.augmentation)(rotation=5.0, shift=0.5, scale=0.05)})
    whole = train(quick, tmp_path / "whole").chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        result = train(quick, tmp_path / "run")
    assert result.interrupted and result.epochs_done == 1
    assert Chip.load(result.chip_path).provenance["accuracy"]["epoch"] == 1
    result = train(quick, tmp_path / "run", resume=True)
    assert not result.interrupted and result.epochs_done == 3
    assert result.chip_path.read_bytes() == whole
    for name in ("checkpoint.safetensors", "curves.csv", "curves.png", "metrics.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_network_learns_from_its_teacher_alone(quick, tmp_path):
    def taught(weight):
        config = quick.model_copy(update={"distillation": Distillation(epochs=20, weight=weight)})
        return train(config, tmp_path / str(weight))

    alone = train(quick, tmp_path / "alone").chip
    assert taught(0.0).chip.build_id == alone.build_id
    pupil = taught(1.0)
    assert pupil.chip.build_id != alone.build_id and pupil.test_accuracy > 0.5


def test_a_teacher_is_kept(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"distillation": Distillation(epochs=2)})
    whole = train(quick, tmp_path / "whole").chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        train(quick, tmp_path / "run")
    monkeypatch.setattr(loop, "train_teacher", lambda *_: pytest.fail("taught again"))
    assert train(quick, tmp_path / "run", resume=True).chip_path.read_bytes() == whole
    teacher = tmp_path / "run/teacher.safetensors"
    teacher.write_bytes(teacher.read_bytes()[:1000])
    with pytest.raises(CaptwinError, match="not a whole teacher of this run"):
        train(quick, tmp_path / "run", resume=True)


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


def test_interrupted_before_the_first_epoch_is_done(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(loop._Run, "_epoch", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(quick, tmp_path)
    assert not (tmp_path / "chip.safetensors").exists()


def _interrupt(*arguments):
    raise KeyboardInterrupt


def test_resuming_needs_a_checkpoint_of_the_same_configuration(quick, tmp_path):
    with pytest.raises(CaptwinError, match="no checkpoint to resume from"):
        train(quick, tmp_path, resume=True)
    train(quick, tmp_path)
    other = quick.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(CaptwinError, match=r"made with learning_rate = 0.0\d+, now it is 0.5"):
        train(other, tmp_path, resume=True)
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CaptwinError, match="not a whole checkpoint"):
        train(quick, tmp_path, resume=True)


def test_a_folder_belongs_to_one_process(quick, tmp_path):
    before = train(quick, tmp_path).chip_path.read_bytes()
    other = quick.model_copy(update={"seed": 2})
    other_process = "import sys; from pathlib import Path; from captwin.hw.support.locks import locked_folder\n"
    other_process += "with locked_folder(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", other_process, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        for changes in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(CaptwinError, match="another captwin works in this folder"):
                train(other, tmp_path, **changes)
        process.stdin.close()
    assert (tmp_path / "chip.safetensors").read_bytes() == before
    with locked_folder(tmp_path):  # the lock died with its process
        pass


def test_another_runs_chip_is_not_overwritten(quick, tmp_path):
    folder = tmp_path / "run"
    before = train(quick, folder).chip_path.read_bytes()
    assert train(quick, folder).chip_path.read_bytes() == before
    other = quick.model_copy(update={"hidden": (8,)})
    with pytest.raises(CaptwinError, match=r"holds another run \(made with hidden = \[16\], now it is \[8\]\)"):
        train(other, folder)
    assert (folder / "chip.safetensors").read_bytes() == before
    assert train(other, folder, overwrite=True).chip.sizes == (64, 8, 10)
    (folder / "chip.safetensors").unlink()  # the checkpoint alone is a run too
    with pytest.raises(CaptwinError, match="holds another run"):
        train(quick, folder)
    (folder / "checkpoint.safetensors").write_bytes(b"of no use to anybody")
    train(quick, folder)
    (folder / "chip.safetensors").write_bytes(b"something of a user's")
    with pytest.raises(CaptwinError, match="its chip file cannot be read"):
        train(quick, folder)


def test_a_repeated_run_that_is_interrupted_leaves_the_finished_chip(quick, tmp_path, monkeypatch):
    whole = train(quick, tmp_path).chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(quick, tmp_path)
    assert (tmp_path / "chip.safetensors").read_bytes() == whole
    assert train(quick, tmp_path, resume=True).chip_path.read_bytes() == whole


def test_inputs_are_known_by_their_content(quick, tmp_path, monkeypatch):
    table = load_circuit("charge_share")
    table.save(tmp_path / "mine.json")
    config = quick.model_copy(update={"circuit": str(tmp_path / "mine.json")})
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        train(config, run)
    replace(table, v_read=0.5, date="2026-01-31").save(tmp_path / "mine.json")
    for resume in (True, False):
        with pytest.raises(CaptwinError, match="made with another neuron table"):
            train(config, run, resume=resume)
    replace(table, date="2026-01-31").save(tmp_path / "mine.json")  # the same neuron
    train(config, run, resume=True)
    digits = load_dataset("digits")
    monkeypatch.setattr(loop, "load_dataset", lambda _: replace(digits, test_labels=digits.test_labels[::-1]))
    for resume in (True, False):
        with pytest.raises(CaptwinError, match="made with another data set"):
            train(config, run, resume=resume)


def test_another_teacher_is_refused(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"distillation": Distillation(epochs=1)})
    other = quick.model_copy(update={"seed": 2})
    train(other, tmp_path / "other")
    train(quick, tmp_path / "run")
    (tmp_path / "other/teacher.safetensors").replace(tmp_path / "run/teacher.safetensors")
    with pytest.raises(CaptwinError, match="made with another teacher"):
        train(quick, tmp_path / "run", resume=True)


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
