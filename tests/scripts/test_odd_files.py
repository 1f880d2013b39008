"""Pipes, devices, folders and sparse files where a file is asked for: one line at once, from every verb."""

import os
from pathlib import Path

import pytest

from captwin.train.zoo import CHIP_FOLDER

COMMANDS = {
    "chip": ("evaluate", "FILE"),
    "configuration": ("train", "--config", "FILE"),
    "table": ("train", "--data", "digits", "--circuit", "FILE"),
    "netlist": ("characterize", "mine", "--netlist", "FILE", "-o", "table.json"),
    "picture": ("classify", "digits-tiny", "FILE"),
    "chip to build": ("build", "FILE", "--board", "icebreaker"),
    "file to inspect": ("inspect", "FILE"),
}


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(60 << 30)
    files = {"pipe": tmp_path / "pipe", "folder": tmp_path / "folder", "sparse": tmp_path / "sparse"}
    return files | {"endless": Path("/dev/zero"), "empty": Path("/dev/null")}


@pytest.mark.parametrize("kind", ["pipe", "folder", "sparse", "endless", "empty"])
@pytest.mark.parametrize("command", COMMANDS)
def test_odd_files(captwin, odd: dict[str, Path], command: str, kind: str) -> None:
    status, out, err = captwin(*(str(odd[kind]) if word == "FILE" else word for word in COMMANDS[command]))
    assert (status, out, err.count("\n")) == (1, "", 1), err
    reasons = (
        "no regular file",
        "64,424,509,440 bytes are more than any",
        "Is a directory",
        "the folder holds no mine.cir; its netlists are none",
    )
    assert any(reason in err for reason in reasons), err
    assert not Path("table.json").exists() and not Path("build").exists() and not Path("runs").exists()


def test_a_name_is_no_formula(captwin) -> None:
    """Matplotlib sets what stands between two dollars as TeX would."""
    name = r"a$\frac$b"
    Path(f"{name}.safetensors").write_bytes((CHIP_FOLDER / "digits-tiny.safetensors").read_bytes())
    status, _, err = captwin("fabricate", f"{name}.safetensors", "--count", "1", "--sigma-c", "0.05")
    assert status == 0, err
    assert Path(f"build/{name}-fabricated/accuracies.png").exists()
