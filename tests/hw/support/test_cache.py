"""The cache of results that took long: whole entries alone, whatever happens to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import sleep, time

import pytest

from captwin.hw.support.cache import SEAL, cached, kept
from captwin.hw.support.cache_folder import VARIABLE, cache_folder, prepare_caches
from captwin.hw.support.cache_limits import ABANDONED_S, DAY_S, entries, prune
from captwin.hw.support.errors import CaptwinError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(into: Path) -> None:
    (into / "folder").mkdir()
    (into / "bitstream").write_bytes(bytes(range(256)) * 20)
    (into / "folder" / "program").write_text("#!/bin/sh\n")
    (into / "folder" / "program").chmod(0o755)


def test_made_once_for_each_key(cache: Path) -> None:
    made = []

    def make(into: Path) -> None:
        made.append(into)
        (into / "file").write_text("whole")

    assert kept("kind", ("a", "b")) is None
    first, ready = cached("kind", ("a", "b"), make)
    assert not ready and (first / "file").read_text() == "whole"
    assert cached("kind", ("a", "b"), make) == (first, True) and len(made) == 1
    assert kept("kind", ("a", "b")) == first
    assert cached("kind", ("ab",), make)[0] != first and len(made) == 2


def test_one_of_several_makes_it_and_the_others_wait(cache: Path) -> None:
    """Locks are of files, so threads wait for each other as processes do."""
    made, together = [], Barrier(4)

    def make(into: Path) -> None:
        made.append(into)
        sleep(0.2)
        (into / "file").write_text("whole")
        if len(made) == 1:  # then one of those that wait makes it
            raise CaptwinError("the first one fails")

    def want(_: int) -> tuple[Path, bool] | str:
        together.wait()
        try:
            return cached("kind", ("a",), make)
        except CaptwinError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(want, range(4)))
    (entry,) = (cache / "kind").iterdir()
    expected = ["the first one fails", (entry, False), (entry, True), (entry, True)]
    assert len(made) == 2 and sorted(outcomes, key=str) == sorted(expected, key=str)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda entry: os.truncate(entry / "bitstream", 1000),
    "flipped": lambda entry: (entry / "bitstream").write_bytes(b"\1" + (entry / "bitstream").read_bytes()[1:]),
    "gone": lambda entry: (entry / "bitstream").unlink(),
    "added": lambda entry: (entry / "extra.o").write_text(""),
    "linked": lambda entry: ((entry / "bitstream").unlink(), (entry / "bitstream").symlink_to("/dev/zero")),
    "pipe": lambda entry: ((entry / "bitstream").unlink(), os.mkfifo(entry / "bitstream")),
    "inner": lambda entry: (entry / "folder" / "program").write_text("#!/bin/sh\nevil\n"),
    "not to be run": lambda entry: (entry / "folder" / "program").chmod(0o644),
    "no seal": lambda entry: (entry / SEAL).unlink(),
    "empty seal": lambda entry: (entry / SEAL).write_text(""),
    "nested seal": lambda entry: (entry / SEAL).write_text("[" * 100_000),
    "file": lambda entry: (shutil.rmtree(entry), entry.write_text("")),
    "empty": lambda entry: (shutil.rmtree(entry), entry.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_again(damage: str, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    entry, _ = cached("kind", ("a",), fill)
    before = {path: path.read_bytes() for path in entry.rglob("*") if path.is_file()}
    DAMAGES[damage](entry)
    assert cached("kind", ("a",), fill) == (entry, False)
    assert {path: path.read_bytes() for path in entry.rglob("*") if path.is_file()} == before
    assert len(caplog.records) == 1 and "damaged" in caplog.records[0].getMessage()
    assert list((cache / "kind").iterdir()) == [entry]
    assert cached("kind", ("a",), fill) == (entry, True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, CaptwinError("no"), ValueError])
def test_interrupted_leaves_nothing(cache: Path, error: type[BaseException] | BaseException) -> None:
    def make(into: Path) -> None:
        (into / "file").write_text("half")
        raise error

    with pytest.raises(type(error) if not isinstance(error, type) else error):
        cached("kind", ("a",), make)
    assert list((cache / "kind").iterdir()) == []


def test_what_killed_processes_left_is_removed(cache: Path) -> None:
    old, young = cache / "kind" / ".old", cache / "kind" / ".young"
    cache.mkdir(mode=0o700)
    (cache / "kind").mkdir(mode=0o700)
    for folder, age in ((old, 1.1 * ABANDONED_S), (young, 0.9 * ABANDONED_S)):
        folder.mkdir()
        (folder / "file").write_text("half")
        os.utime(folder, (time() - age, time() - age))
    entry, _ = cached("kind", ("a",), lambda into: None)
    assert sorted((cache / "kind").iterdir()) == sorted([young, entry])


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
@pytest.mark.parametrize("below", ["", "kind"])
def test_a_folder_that_others_may_write_is_refused(mode: int, below: str, cache: Path) -> None:
    (cache / below).mkdir(parents=True)
    cache.chmod(0o700)
    (cache / below).chmod(mode)
    with pytest.raises(CaptwinError, match=r"others may write into this folder.*CAPTWIN_CACHE"):
        cached("kind", ("a",), fill)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(cache: Path) -> None:
    cache.mkdir(mode=0o700)
    os.chown(cache, 65534, 65534)
    with pytest.raises(CaptwinError, match=r"another user's.*CAPTWIN_CACHE"):
        cached("kind", ("a",), fill)


def test_ours_is_ours_alone_whatever_the_umask(cache: Path) -> None:
    before = os.umask(0)
    try:
        entry, _ = cached("kind", ("a",), fill)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (cache, entry.parent, entry)] == [0o700] * 3


def test_a_named_folder_that_cannot_be_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    with pytest.raises(CaptwinError, match=f"name another in {VARIABLE}"):
        cache_folder()


@pytest.fixture
def aged(cache: Path) -> Callable[[str, float, int], Path]:
    """Makes an entry that was last used so many seconds ago and holds so many bytes."""

    def make(name: str, age: float, size: int) -> Path:
        entry, _ = cached("kind", (name,), lambda into: (into / "file").write_bytes(bytes(size)) and None)
        for path in (*entry.iterdir(), entry):
            os.utime(path, (time() - age, time() - age))
        return entry

    return make


def test_the_least_recently_used_go_first(cache: Path, aged: Callable[[str, float, int], Path]) -> None:
    old, middle, young = aged("old", 3 * DAY_S, 1000), aged("middle", 2 * DAY_S, 1000), aged("young", DAY_S, 1000)
    assert [entry.path for entry in entries(cache)] == [old, middle, young]
    total = sum(entry.size for entry in entries(cache))
    assert prune(cache, total) == []
    assert [entry.path for entry in prune(cache, total - 1)] == [old]
    cached("kind", ("middle",), fill)  # used again
    assert [entry.path for entry in prune(cache, 0)] == [young]
    assert [entry.path for entry in entries(cache)] == [middle]


def test_old_entries_go_and_downloads_stay(
    cache: Path, aged: Callable[[str, float, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    aged("old", 200 * DAY_S, 10)
    (cache / "images.gz").write_bytes(bytes(5000))
    os.utime(cache / "images.gz", (0, 0))
    assert [entry.kind for entry in prune(cache)] == ["kind"]
    monkeypatch.setenv("CAPTWIN_CACHE_GB", "0")
    assert prune(cache) == [] and (cache / "images.gz").exists()


def test_making_an_entry_prunes(
    cache: Path, aged: Callable[[str, float, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = aged("old", DAY_S, 2_000_000)
    monkeypatch.setenv("CAPTWIN_CACHE_GB", "0.001")
    new, _ = cached("kind", ("new",), fill)
    assert not old.exists() and new.exists()


@pytest.mark.parametrize("stated", ["much", "-1", "nan", "inf"])
@pytest.mark.parametrize("variable", ["CAPTWIN_CACHE_GB", "CAPTWIN_CACHE_DAYS"])
def test_a_limit_that_is_none(stated: str, variable: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, stated)
    with pytest.raises(CaptwinError, match=f"{variable}: expected a number"):
        prune(cache)


def test_tools_keep_theirs_in_our_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    for variable in ("YOWASP_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.delenv(variable, raising=False)
    prepare_caches()
    assert os.environ["YOWASP_CACHE_DIR"] == str(cache / "yowasp")
    assert os.environ["MPLCONFIGDIR"] == str(cache / "matplotlib")
    assert os.environ["NUMBA_CACHE_DIR"] == "/elsewhere"


WITHOUT_HOME = """
import os, sys
from captwin.hw.support.cache import cached
from captwin.hw.support.cache_folder import cache_folder
entry, ready = cached("kind", ("a",), lambda into: (into / "file").write_text("x") and None)
assert cached("kind", ("a",), lambda into: None) == (entry, True)
print(cache_folder())
"""


@pytest.mark.parametrize("home", ["/proc/nonexistent", "/dev/null", "file"])
def test_a_home_that_cannot_be_written_is_said_once(home: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CAPTWIN_CACHE", "XDG_"))}
    environment |= {"HOME": str(tmp_path / home), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOME], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr.count("\n") == 1 and f"name another in {VARIABLE}" in done.stderr
    assert not Path(done.stdout.strip()).exists() and list(tmp_path.iterdir()) == [tmp_path / "file"]


KILLED = """
import sys, time
from captwin.hw.support.cache import cached
def make(into):
    for number in range(50):
        (into / str(number)).write_bytes(bytes(1000))
        time.sleep(0.001)
print("ready", flush=True)
while True:
    for key in range(100):
        cached("kind", (str(key), str(time.time())), make)
        cached("kind", (str(key),), make)
        print("kept", flush=True)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.proof)])
def test_killed_processes_leave_whole_entries(kills: int, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    for kill in range(kills):
        process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == [b"ready\n", b"kept\n"]
        sleep(0.0031 * kill)
        process.kill()
        process.communicate()
    whole = [path for path in (cache / "kind").iterdir() if not path.name.startswith(".")]
    assert whole and all(len(list(path.iterdir())) == 51 for path in whole)
    for key in range(100):
        cached("kind", (str(key),), fill)
    assert not caplog.records, "an entry that a killed process left was damaged"
