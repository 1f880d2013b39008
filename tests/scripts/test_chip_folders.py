"""Results of a chip: named after its run, and never over another chip's."""

import shutil

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.scripts.chip_folders import check_owner, chip_folder, mark_owner
from captwin.train.zoo import CHIP_FOLDER, chip_name


def test_a_chip_is_named_by_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/gf180b").mkdir(parents=True)
    assert chip_name("digits-tiny") == "digits-tiny"
    assert chip_name("runs/gf180b/chip.safetensors") == "gf180b"
    assert chip_name(tmp_path / "other.safetensors") == "other"
    assert chip_name("build/x-fabricated/chip_007.safetensors") == "x-fabricated_007"
    monkeypatch.chdir(tmp_path / "runs/gf180b")
    assert chip_name("chip.safetensors") == "gf180b"
    assert str(chip_folder("chip.safetensors", "icebreaker")) == "build/gf180b-icebreaker"


def test_a_folder_belongs_to_one_chip_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "build/run-icebreaker"
    folder.mkdir(parents=True)
    check_owner(folder, "a/run/chip.safetensors")  # nobody's yet
    mark_owner(folder, "a/run/chip.safetensors")
    check_owner(folder, "a/run/chip.safetensors")
    check_owner(folder, str(tmp_path / "a/run/chip.safetensors"))
    for other in ("b/run/chip.safetensors", "digits"):
        with pytest.raises(CaptwinError, match=r"holds results of another chip, \.\./\.\./a/run/chip\.safetensors;"):
            check_owner(folder, other)
    assert str(tmp_path) not in (folder / ".captwin-chip").read_text()
    # A project may be moved as a whole.
    shutil.move(tmp_path / "build", tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    mark_owner(tmp_path / "moved/x", "digits")
    check_owner(tmp_path / "moved/x", str(CHIP_FOLDER / "digits.safetensors"))


def test_fabricated_chips_of_two_runs(captwin, tmp_path):
    for run in ("a", "b"):
        (tmp_path / run / "net").mkdir(parents=True)
        shutil.copy(CHIP_FOLDER / "digits-tiny.safetensors", tmp_path / run / "net/chip.safetensors")
    assert captwin("fabricate", "a/net/chip.safetensors", "--count", "1")[0] == 0
    assert captwin("fabricate", "a/net/chip.safetensors", "--count", "2")[0] == 0
    status, out, err = captwin("fabricate", "b/net/chip.safetensors", "--count", "1")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "build/net-fabricated: holds results of another chip" in err
    assert len(list((tmp_path / "build/net-fabricated").glob("chip_*"))) == 2
