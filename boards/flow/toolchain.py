"""The programs that turn RTLIL into bitstreams: YoWASP's from PyPI, or native ones if asked for."""

import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from captwin.boards.families.family import Family
from captwin.hw.support.cache_folder import prepare_caches
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, run_tool


@dataclass(frozen=True)
class Tool:
    """A program on this machine, and what it says of its version."""

    name: str
    path: str
    version: str

    def run(self, arguments: list[str], folder: Path) -> None:
        """Runs it in ``folder``, its output going to NAME.log; :class:`CaptwinError` with its reason if it fails."""
        log = folder / f"{self.name}.log"
        with log.open("w") as output:
            command = [self.path, *arguments]
            status = run_tool(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT).returncode
        if status:
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            reason = next((line for line in lines if "ERROR" in line), (lines or ["no message"])[-1])
            raise CaptwinError(f"{self.name} failed: {reason.removeprefix('ERROR: ').strip()}")


class Toolchain(NamedTuple):
    """The tools of a build, in the order in which they run."""

    synthesis: Tool
    place: Tool
    pack: Tool


def find_tools(family: Family, *, native: bool) -> Toolchain:
    """The tools of ``family``: those on PATH if ``native``, else PyPI's.

    Raises :class:`CaptwinError`, which names what is missing and how to get it.
    """
    prepare_caches()
    return Toolchain(*(_find(*both, native) for both in zip(family.tools, family.packages, strict=True)))


def _find(name: str, package: str, native: bool) -> Tool:
    if native:
        path = find_tool(name)
        if path is None:
            raise CaptwinError(f"{name}: not on PATH; install it, or leave --native out to use PyPI's")
        answer = run_tool([path, "--version"])
        return Tool(name, path, (answer.stdout + answer.stderr).strip().splitlines()[0])
    path = find_tool(f"yowasp-{name}" if package.startswith("yowasp") else name)
    try:
        number = version(package)
    except PackageNotFoundError:
        path = None
    if path is None:
        raise CaptwinError(f"{name}: not installed; try: pip install {package}")
    return Tool(name, path, f"{package} {number}")
