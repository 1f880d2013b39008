"""The programs that turn RTLIL into bitstreams: YoWASP's from PyPI, or native ones if asked for."""

import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from captwin.boards.families.family import Family
from captwin.hw.support.cache_folder import prepare_caches
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, run_tool


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
            command = [self.path, *arguments]
            status = run_tool(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT).returncode
        if status:
            said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            reason = next((line for line in said if "ERROR" in line), (said or ["no message"])[-1])
            raise CaptwinError(f"{self.name} failed: {reason.removeprefix('ERROR: ').strip()}")


def find_tools(family: Family, *, native: bool) -> tuple[Tool, Tool, Tool]:
    """Synthesis, place and route, packing; :class:`CaptwinError` names what is missing and how to get it."""
    prepare_caches()
    first, second, third = (_find(*both, native) for both in zip(family.tools, family.packages, strict=True))
    return first, second, third


def _find(name: str, package: str, native: bool) -> Tool:
    if native:
        path = find_tool(name)
        if path is None:
            raise CaptwinError(f"{name}: not on PATH; install it, or leave --native out to use PyPI's")
        said = run_tool([path, "--version"])
        return Tool(name, path, (said.stdout + said.stderr).strip().splitlines()[0])
    path = find_tool(f"yowasp-{name}" if package.startswith("yowasp") else name)
    try:
        number = version(package)
    except PackageNotFoundError:
        path = None
    if path is None:
        raise CaptwinError(f"{name}: not installed; try: pip install {package}")
    return Tool(name, path, f"{package} {number}")
