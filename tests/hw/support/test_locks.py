"""A folder belongs to one process at a time, and shows no sign of it afterwards."""

import os
import signal
import subprocess
import sys

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import whole_folder
from captwin.hw.support.locks import LOCK, locked_folder
from tests.support.paths import SOURCES

HOLD = """
import sys, time
from pathlib import Path
from captwin.hw.support.locks import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process holds, and that process."""
    folder = tmp_path / "a/b"
    command = [sys.executable, "-c", HOLD, str(folder)]
    variables = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        yield folder, process
        process.kill()


def test_a_second_process_is_refused(held):
    folder, process = held
    for _ in range(2):
        with pytest.raises(CaptwinError, match="another captwin works in this folder"), locked_folder(folder):
            pass
    process.send_signal(signal.SIGINT)
    process.wait()
    assert not folder.parent.exists()
    with locked_folder(folder):
        assert folder.is_dir()


def test_a_lock_dies_with_its_process(held):
    folder, process = held
    process.kill()
    process.wait()
    with whole_folder(folder, own="x") as place:  # what the dead one left is in nobody's way
        (place / "x").touch()
    with locked_folder(folder):
        assert (folder / LOCK).exists()
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_failure_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), locked_folder(tmp_path / "a/b"):
        raise ZeroDivisionError
    (tmp_path / "file").touch()
    with pytest.raises(CaptwinError, match=r"file/below: cannot work here"), locked_folder(tmp_path / "file/below"):
        pass
    with pytest.raises(CaptwinError, match="this is a file"), locked_folder(tmp_path / "file"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_replaced_while_held(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").touch()
    with locked_folder(folder), whole_folder(folder, own="x") as place:
        (place / "x").write_text("new")
    assert (folder / "x").read_text() == "new" and [path.name for path in tmp_path.rglob("*")] == ["a", "x"]
