"""Files and folders that stand whole or not at all, whenever the process that writes them is killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep, time

import pytest

from captwin.hw.support import replacing
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target, read_bytes, read_text, whole_folder, write_atomically

OWN = r"\d+|new"

FOLDERS = """
import sys
from pathlib import Path
from captwin.hw.support import replacing
from captwin.hw.support.files import whole_folder
if sys.argv[2] == "renames":
    replacing._swapped = lambda one, other: False
print("ready", flush=True)
while True:
    with whole_folder(Path(sys.argv[1]), r"\\d+") as into:
        for number in range(20):
            (into / str(number)).write_bytes(bytes(100))
"""

FILES = """
import sys
from pathlib import Path
from captwin.hw.support.files import write_atomically
print("ready", flush=True)
while True:
    write_atomically(Path(sys.argv[1]), bytes(200_000))
"""


def kill_writer(program: str, target: Path, how: str, after: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", program, str(target), how], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def age(folder: Path) -> None:
    """Makes what lies in ``folder`` old enough to be taken for abandoned."""
    for path in folder.iterdir():
        os.utime(path, (time() - 3600, time() - 3600), follow_symlinks=False)


@pytest.mark.parametrize("how", ["swap", "renames"])
@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.proof)])
def test_a_folder_survives_its_killed_writers(how: str, kills: int, tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with whole_folder(target, OWN) as into:
        for number in range(20):
            (into / str(number)).write_bytes(bytes(100))
    draw = random.Random(kills)
    for _ in range(kills):
        kill_writer(FOLDERS, target, how, draw.uniform(0.005, 0.05))
        if how == "swap":
            assert len(list(target.iterdir())) == 20
        else:
            replacing.recover(target)
            assert len(list(target.iterdir())) == 20
    age(tmp_path)
    with whole_folder(target, OWN) as into:
        (into / "new").write_text("")
    assert list(tmp_path.iterdir()) == [target] and [path.name for path in target.iterdir()] == ["new"]


@pytest.mark.parametrize("kills", [4, pytest.param(60, marks=pytest.mark.proof)])
def test_a_file_survives_its_killed_writers(kills: int, tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomically(target, bytes(200_000))
    draw = random.Random(kills)
    for _ in range(kills):
        kill_writer(FILES, target, "", draw.uniform(0.005, 0.05))
        assert target.stat().st_size == 200_000
    age(tmp_path)
    write_atomically(target, "new")
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "new"


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    (tmp_path / ".captwin-notes").write_text("a user's own")
    with whole_folder(tmp_path / "one", OWN) as into:
        age(tmp_path)
        write_atomically(tmp_path / "other", "x")
        (into / "1").write_text("")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".captwin-notes", "one", "other"]


def test_a_fallen_back_replacement_is_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, aside = tmp_path / "folder", tmp_path / ".folder.captwin-old"
    aside.mkdir()
    (aside / "1").write_text("old")
    with pytest.raises(CaptwinError, match="no room"), whole_folder(target, OWN):
        raise CaptwinError("no room")
    assert (target / "1").read_text() == "old" and not aside.exists()
    monkeypatch.setattr(replacing, "_swapped", lambda one, other: False)
    with whole_folder(target, OWN) as into:
        (into / "2").write_text("new")
    assert [path.name for path in target.iterdir()] == ["2"] and list(tmp_path.iterdir()) == [target]


def test_other_things_in_a_folder_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("years of work")
    with pytest.raises(CaptwinError, match="holds other things"), whole_folder(tmp_path / "folder", OWN):
        pass
    assert (tmp_path / "folder" / "thesis.tex").exists()


def test_a_lock_and_a_leftover_are_no_other_things(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".captwin-lock").write_text("")
    (tmp_path / "folder" / ".captwin-abcd_123").write_text("")
    with whole_folder(tmp_path / "folder", OWN) as into:
        (into / "1").write_text("")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["1"]


def test_no_pipe_device_or_huge_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(60 << 30)
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/tty"), tmp_path, Path("/proc/self/mem\0")):
        with pytest.raises(CaptwinError) as caught:
            read_bytes(path, "chip file")
        assert "cannot read chip file" in str(caught.value) and str(caught.value).isprintable()
    with pytest.raises(CaptwinError, match=r"64,424,509,440 bytes are more than any chip file has"):
        read_bytes(tmp_path / "sparse", "chip file")


def test_text_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9")
    assert read_text(tmp_path / "text", "netlist") == "café"
    (tmp_path / "text").write_bytes(b"caf\xe9")
    with pytest.raises(CaptwinError, match=r"no UTF-8 text \(unexpected end of data at byte 3\)"):
        read_text(tmp_path / "text", "netlist")


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for act in (file_target, lambda path: write_atomically(path, ""), lambda path: read_bytes(path, "netlist")):
        with pytest.raises(CaptwinError, match="cannot"):
            act(tmp_path / "a")
