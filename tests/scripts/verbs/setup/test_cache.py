"""``captwin cache``, and caches that cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from captwin.hw.support.cache import cached
from captwin.hw.support.cache_folder import VARIABLE
from captwin.scripts.terminal.output import Row, show
from captwin.train.zoo import CHIP_FOLDER
from tests.support.paths import SOURCES

COMMAND = (sys.executable, "-c", "from captwin.scripts.main import main; main()")
DIGITS_TINY = str(CHIP_FOLDER / "digits-tiny.safetensors")


def run(*arguments: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = (VARIABLE, "NUMBA_CACHE_DIR", "YOWASP_CACHE_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(SOURCES)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_and_prunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for key in "ab":
        cached("placement", (key,), lambda into: (into / "file").write_bytes(bytes(3000)) and None)
    (tmp_path / "images.gz").write_bytes(bytes(500))
    before = json.loads(run("cache", "--json", **{VARIABLE: str(tmp_path)}).stdout)
    assert before["folder"] == str(tmp_path) and before["kinds"]["data"]["bytes"] == 500
    assert before["kinds"]["placement"]["entries"] == 2 and before["kinds"]["placement"]["bytes"] > 6000
    table = run("cache", **{VARIABLE: str(tmp_path)}).stdout
    assert "placement" in table and "2 entries" in table and str(tmp_path) in table
    kept = json.loads(run("cache", "--prune", "--json", **{VARIABLE: str(tmp_path)}).stdout)
    assert kept["removed"] == {"entries": 0, "bytes": 0}
    after = json.loads(run("cache", "--prune", "--limit", "0", "--json", **{VARIABLE: str(tmp_path)}).stdout)
    assert after["removed"]["entries"] >= 2 and after["kinds"].keys() == {"data"}
    assert (tmp_path / "images.gz").exists() and not list((tmp_path / "placement").iterdir())


def test_a_limit_without_pruning_is_a_mistake(tmp_path: Path) -> None:
    done = run("cache", "--limit", "1", **{VARIABLE: str(tmp_path)})
    assert done.returncode == 2 and "--prune" in done.stderr


def test_json_has_no_numbers_that_are_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    odd = {"a": float("inf"), "b": [np.float32("nan"), 1], "c": np.array([1.5, -np.inf]), "d": (np.int64(3), True)}
    show([Row("odd", odd, "", ""), Row("one", np.float64("-inf"), "", "")], "", as_json=True)
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "odd": {"a": None, "b": [None, 1], "c": [1.5, None], "d": [3, True]},
        "one": None,
    }


def test_tables_hold_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show([Row("", None, "\x1b[2Jlabel", "a\x1b]0;pwned\x07b\n\x9bc [red]d[/] \u202e")], "t", as_json=False)
    out = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in out) and "[red]d[/]" in out


def test_a_users_cache_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captwin").mkdir(parents=True)
    (tmp_path / "captwin").chmod(0o777)
    done = run("cache", "--json", XDG_CACHE_HOME=str(tmp_path))
    folder = json.loads(done.stdout)["folder"]
    assert folder != str(tmp_path / "captwin") and not Path(folder).exists()
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"captwin: {tmp_path}/captwin: cannot keep"), done
    named = run("cache", **{VARIABLE: str(tmp_path / "captwin")})
    assert named.returncode == 1 and named.stderr.count("\n") == 1 and "others may write" in named.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", DIGITS_TINY, "--json"),
        pytest.param(("verilog", DIGITS_TINY, "-o", "core.v", "--json"), marks=pytest.mark.proof),
        pytest.param(("simulate", DIGITS_TINY, "--images", "2", "--json"), marks=pytest.mark.proof),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_user_without_a_home(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As in a container: nothing but the working folder and a temporary one can be written."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    done = run(*arguments, folder=work, HOME="/proc/nonexistent", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert [VARIABLE in line for line in done.stderr.splitlines() if "cannot" in line] == [True], done.stderr
    assert list(temporary.iterdir()) == []
