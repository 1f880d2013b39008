"""Training runs that are interrupted, resumed and repeated: what becomes of their folders."""

import subprocess
import sys
from dataclasses import replace

import pytest

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.locks import locked_folder
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.config import Distillation
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import train


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
