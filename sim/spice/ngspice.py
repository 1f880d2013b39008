"""Runs ngspice in batch mode."""

import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, run_tool, tool_environment

ADVICE = "apt-get install ngspice"
#: What ngspice reads before a deck, in place of the user's own: PDKs are written for HSPICE's dialect. Where it finds
#: no operating point, it would otherwise simulate until things settle, which lets go of the nodes that are held. We run
#: one process a core: threads of more would wait for one another, 40 times as long on a machine that is busy.
SETTINGS = "set ngbehavior=hsa\nset ng_nomodcheck\nset num_threads=1\noptran 1 1 1 0 0 0\n"


class SpiceError(CaptwinError):
    """ngspice, or a netlist given to it, failed."""


class SpiceTimeoutError(SpiceError):
    """ngspice did not end in time."""


def require_ngspice() -> str:
    """Path of ngspice; :class:`SpiceError` if it is not installed."""
    path = find_tool("ngspice")
    if path is None:
        raise SpiceError(f"ngspice is not installed; try: {ADVICE}")
    return path


def ngspice_version() -> str:
    """Name and version, such as ngspice-39; :class:`SpiceError` if it is not installed."""
    return _version(require_ngspice())


@cache
def _version(program: str) -> str:
    printed = run_tool([program, "--version"], stdin=subprocess.DEVNULL, timeout=60).stdout
    match = re.search(r"ngspice-\S+", printed)
    return match[0] if match else printed


def run_deck(deck: str, timeout: float) -> str:
    """What ngspice prints, messages included, when it runs ``deck``; at most ``timeout`` seconds,
    or :class:`SpiceTimeoutError`.

    A deck that fails halfway is no error here: its caller sees which of the results it asked for are missing. No init
    file of the user's is read.
    """
    program = require_ngspice()
    with tempfile.TemporaryDirectory(prefix="captwin-") as folder:
        (Path(folder) / ".spiceinit").write_text(SETTINGS)
        (Path(folder) / "deck.cir").write_text(deck, encoding="utf-8")
        try:
            done = run_tool(
                [program, "-b", "deck.cir"],
                cwd=folder,
                env=tool_environment({"HOME": folder}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise SpiceTimeoutError(
                f"ngspice did not end within {timeout:.0f} s; the netlist converges too slowly"
            ) from None
    return done.stdout
