"""The cache of results that took long."""

import os
from pathlib import Path
from time import time

import pooch
import pytest

from hw.support.cache import ABANDONED_S, cached
from hw.support.errors import CaptwinError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    return tmp_path / "cache"


def test_made_once_for_each_key(cache: Path) -> None:
    made = []

    def make(into: Path) -> None:
        made.append(into)
        (into / "file").write_text("whole")

    first, ready = cached("kind", ("a", "b"), make)
    assert not ready and (first / "file").read_text() == "whole"
    assert cached("kind", ("a", "b"), make) == (first, True) and len(made) == 1
    assert cached("kind", ("ab",), make)[0] != first and len(made) == 2


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
    for folder, age in ((old, 1.1 * ABANDONED_S), (young, 0.9 * ABANDONED_S)):
        folder.mkdir(parents=True)
        (folder / "file").write_text("half")
        os.utime(folder, (time() - age, time() - age))
    entry, _ = cached("kind", ("a",), lambda into: None)
    assert sorted((cache / "kind").iterdir()) == sorted([young, entry])
