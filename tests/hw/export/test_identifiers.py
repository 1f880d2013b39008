"""Names of modules."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.export.identifiers import JOINT, KEYWORDS, LENGTH, check_identifier
from captwin.hw.gates.core import Core
from captwin.hw.support.errors import CaptwinError
from captwin.hw.verilog import write_verilog
from captwin.sim.rtl.simulators import missing_tools
from tests.support.chips import random_chip

BAD = ["", "1a", "a b", "a-b", "_a", "a_", "a__b", "größe", "a;", "a\n", "x" * (LENGTH + 1), "\\a ", "$a", "a'b"]


@pytest.mark.parametrize("name", [*BAD, "wire", "logic", "Module"])
def test_refused(name: str) -> None:
    with pytest.raises(CaptwinError, match="--top: ") as error:
        check_identifier(name, "--top")
    assert "\n" not in str(error.value)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,20}(_[A-Za-z0-9]{1,20}){0,2}", fullmatch=True))
def test_taken(name: str) -> None:
    if name.lower() not in KEYWORDS:
        assert check_identifier(name, "--top") == name and JOINT not in name


@pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed")
def test_keywords_are_the_simulators_own(tmp_path: Path) -> None:
    """What Icarus refuses as the name of a module, we refuse."""
    words = ["and", "wire", "reg", "table", "specify", "cell", "module", "signed", "xnor", "uwire", "fine", "alpha"]
    for word in words:
        (tmp_path / "a.v").write_text(f"module {word}; endmodule\n")
        done = subprocess.run(["iverilog", "-t", "null", "a.v"], cwd=tmp_path, capture_output=True, check=False)
        assert bool(done.returncode) == (word in KEYWORDS), word


def test_no_file_of_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(CaptwinError, match="keyword"):
        write_verilog(Core(random_chip(11, sizes=(3, 2))), tmp_path / "core.v", top="endmodule")
    assert not list(tmp_path.iterdir())
