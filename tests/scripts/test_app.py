"""The command line as a whole: what it imports, what it prints where, and how it ends."""

import inspect
import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from captwin.scripts.app import EXAMPLES, MODULES, load
from captwin.train.zoo import CHIP_FOLDER
from tests.support.paths import ROOT, SOURCES

HEAVY = ("torch", "sklearn", "amaranth", "numba", "matplotlib", "numpy", "scipy")
RUN = "from captwin.scripts.main import main; main()"


def run(*arguments: str, code: str = RUN, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *arguments]
    variables = {**os.environ, "PYTHONPATH": str(SOURCES), **environment}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--help"], {}),
        (["--version"], {}),
        (["simulat"], {}),
        ([], {"_CAPTWIN_COMPLETE": "complete_bash", "COMP_WORDS": "captwin si", "COMP_CWORD": "1"}),
        ([], {"_CAPTWIN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "captwin si"}),
        (["--show-completion", "bash"], {}),
    ],
)
def test_what_needs_no_verb_imports_none(arguments, environment):
    code = f"""
import sys
sys.argv[0] = "captwin"
from captwin.scripts.main import main
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    done = run(*arguments, code=code, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1", **environment)
    assert done.stderr.decode().splitlines()[-1] == "[]"
    printed = (done.stdout + done.stderr).decode()
    assert "simulate" in printed or "captwin 0." in printed or "complete -o default" in printed


def test_every_verb_is_in_the_table_with_its_own_help():
    files = [path for path in (ROOT / "scripts/verbs").glob("*/*.py") if path.stem != "__init__"]
    assert {path.stem for path in files if f'"""``captwin {path.stem}``' in path.read_text()} == set(MODULES)
    assert len(files) == len(MODULES)
    page = " ".join(run("--help").stdout.decode().split())
    places = []
    for name in MODULES:
        docstring = inspect.getdoc(getattr(import_module(MODULES[name]), name))
        assert load(name).help == docstring
        places.append(page.index(f"{name} {' '.join(docstring.splitlines()[0].split())}"))
    assert places == sorted(places)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_right(name, captwin):
    load(name).make_context(name, shlex.split(EXAMPLES[name]))
    status, out, _ = captwin(name, "--help")
    assert status == 0 and f"Example: captwin {name} {EXAMPLES[name]}".strip() in " ".join(out.split())


def test_without_docstrings():
    assert b"Simulate a chip's Verilog" in run("--help", PYTHONOPTIMIZE="2").stdout
    assert b"Simulate a chip's Verilog" in run("simulate", "--help", PYTHONOPTIMIZE="2").stdout


def test_version(captwin):
    status, out, _ = captwin("--version")
    assert status == 0 and out.startswith("captwin 0.") and f"(Python {sys.version.split()[0]})" in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_verbs_and_options(tmp_path):
    (tmp_path / "captwin").write_text(f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'captwin'\n{RUN}\n")
    (tmp_path / "captwin").chmod(0o755)
    script = """
eval "$(captwin --show-completion bash)"
COMP_WORDS=(captwin cha); COMP_CWORD=1; _captwin_completion captwin; echo "${COMPREPLY[@]}"
COMP_WORDS=(captwin evaluate --d); COMP_CWORD=2; _captwin_completion captwin; echo "${COMPREPLY[@]}"
"""
    variables = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCES),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(["bash", "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["characterize", "--data"], done.stderr


def test_nobody_reads():
    code = "import os; read, write = os.pipe(); os.close(read); os.dup2(write, 1); " + RUN
    for arguments in (["evaluate", "digits-tiny"], ["doctor", "--json"], ["--help"]):
        done = run(*arguments, code=code)
        assert (done.returncode, done.stderr) == (1, b"")


def test_no_warnings():
    done = run("estimate", "digits-tiny", "--board", "icebreaker", "--images", "2")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_stdout_is_full():
    code = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); " + RUN
    for arguments in (["evaluate", "digits-tiny"], ["doctor", "--json"], ["--help"]):
        done = run(*arguments, code=code)
        assert (done.returncode, done.stderr) == (1, b"captwin: standard output: No space left on device\n")


def test_closed_streams(tmp_path):
    # The first file opened must not become stdout or stderr, into which captwin then prints.
    code = (
        f"import os, sys; os.closerange(0, 3); os.execl(sys.executable, sys.executable, '-c', {RUN!r}, *sys.argv[1:])"
    )
    done = run("verilog", "digits-tiny", "-o", "core.v", code=code, cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "core.v").read_bytes().startswith(b"// captwin_core")
    json.loads((tmp_path / "core.json").read_text())


@pytest.mark.parametrize(
    ("name", "encoding"), [("größe", "ascii"), ("重さ", "latin-1"), (os.fsdecode(b"\xff"), "utf-8")]
)
def test_names_that_the_terminal_cannot_print(tmp_path, name, encoding):
    shutil.copy(CHIP_FOLDER / "digits-tiny.safetensors", tmp_path / f"{name}.safetensors")
    done = run("evaluate", f"{name}.safetensors", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    done = run("evaluate", f"{name}.missing", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 1 and done.stderr.startswith(b"captwin: ") and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(("module", "error"), [("typer", "KeyboardInterrupt"), ("numpy", "KeyboardInterrupt")])
def test_interrupted_import(module, error):
    code = f"""
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise {error}
sys.meta_path.insert(0, Interrupt())
{RUN}
"""
    done = run("evaluate", "digits", code=code)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"captwin: interrupted\n")


@pytest.mark.parametrize("error", [MemoryError, RecursionError, BrokenPipeError])
def test_errors_of_the_machine_are_one_line(captwin, monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("captwin.sim.golden.run", fail)
    status, out, err = captwin("evaluate", "digits")
    assert (status, out, err.count("\n")) == (1, "", 1) and err.startswith("captwin: "), err


@pytest.mark.parametrize("arguments", [("nothing",), ("digits", "--data", "faces"), ("digits", "--steps"), ()])
def test_json_is_one_object_or_nothing(captwin, arguments):
    status, out, err = captwin("evaluate", *arguments, "--json")
    assert status in (1, 2) and out == "" and err.startswith("captwin: ") and err.count("\n") == 1
