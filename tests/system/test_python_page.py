"""The examples of docs/python.md: each runs by itself, and prints what the page says."""

import re
import shutil

import pytest

import captwin
from tests.support.paths import DOCS

PAGE = (DOCS / "python.md").read_text()
#: a block of Python, the mark of one that takes long before it, and the block that says what it prints after it
EXAMPLE = re.compile(r"(<!-- long -->\n)?```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def _examples():
    for number, (mark, code, printed) in enumerate(EXAMPLE.findall(PAGE)):
        marks = [pytest.mark.proof] if mark else []
        if "characterize" in code:
            marks.append(pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice"))
        verb = re.findall(r"captwin\.(\w+)", code)[-1]
        yield pytest.param(code, printed, marks=marks, id=f"{number}-{verb}")


@pytest.mark.parametrize(("code", "printed"), list(_examples()))
def test_example(code, printed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/python.md", "exec"), {})
    out, err = capsys.readouterr()
    assert err == "" and out.strip()
    assert printed in ("", out)


def test_every_public_name_has_an_example():
    code = "".join(code for _, code, _ in EXAMPLE.findall(PAGE))
    shown = set(re.findall(r"captwin\.(\w+)", code))
    types = {"Chip", "CaptwinError", "open_bench"}  # of results, errors, and of one that is described in another page
    assert shown == set(captwin.__all__) - types
