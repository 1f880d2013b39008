"""The programs that turn RTLIL into bitstreams: YoWASP's from PyPI, or native ones if asked for."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import mkdtemp

import pooch

from boards.family import Family
from hw.errors import CaptwinError
from hw.tools import find_tool


@dataclass(frozen=True)
class Tool:
    """A program that was found, and what it says of its version."""

    name: str
    path: str
    version: str

    def run(self, arguments: list[str], folder: Path) -> None:
        """Runs it in ``folder``, with what it says in NAME.log; :class:`CaptwinError` with its reason if it fails."""
        log = folder / f"{self.name}.log"
        with log.open("w") as output:
            status = subprocess.run(
                [self.path, *arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode
        if status:
            said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            reason = next((line for line in said if "ERROR" in line), (said or ["no message"])[-1])
            raise CaptwinError(f"{self.name} failed: {reason.removeprefix('ERROR: ').strip()}")


def find_tools(family: Family, *, native: bool) -> tuple[Tool, Tool, Tool]:
    """Synthesis, place and route, packing; :class:`CaptwinError` names what is missing and how to get it."""
    first, second, third = (_find(*both, native) for both in zip(family.tools, family.packages, strict=True))
    return first, second, third


def _find(name: str, package: str, native: bool) -> Tool:
    if native:
        path = shutil.which(name)
        if path is None:
            raise CaptwinError(f"{name}: not on PATH; install it, or leave --native out to use PyPI's")
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        return Tool(name, path, (said.stdout + said.stderr).strip().splitlines()[0])
    path = find_tool(f"yowasp-{name}" if package.startswith("yowasp") else name)
    try:
        number = version(package)
    except PackageNotFoundError:
        path = None
    if path is None:
        raise CaptwinError(f"{name}: not installed; try: pip install {package}")
    return Tool(name, path, f"{package} {number}")


def cached(kind: str, key: tuple[str, ...], make: Callable[[Path], None]) -> Path:
    """A folder that ``make`` fills, once for each ``key``: kept whole or not at all."""
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()
    entry = pooch.os_cache("captwin") / kind / digest[:32]
    if entry.exists():
        return entry
    temporary = None
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=".", dir=entry.parent))
        make(temporary)
        temporary.replace(entry)
    except OSError as error:
        if entry.exists():  # another process was quicker
            return entry
        raise CaptwinError(f"{entry.parent}: cannot keep builds: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return entry
