"""Runs ngspice in batch mode."""

import subprocess
import tempfile
from pathlib import Path

from hw.support.errors import CaptwinError
from hw.support.tools import find_tool, run_tool

ADVICE = "apt-get install ngspice"
#: what ngspice reads before a deck, in place of the user's own: PDKs are written for HSPICE's dialect
_SETTINGS = "set ngbehavior=hsa\nset ng_nomodcheck\n"


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


def run_deck(deck: str, timeout: float) -> str:
    """What ngspice prints, messages included, when it runs ``deck``; at most ``timeout`` seconds,
    or :class:`SpiceTimeoutError`.

    A deck that fails halfway is no error here: its caller sees which of the results it asked for are missing.
    """
    program = require_ngspice()
    with tempfile.TemporaryDirectory(prefix="captwin-") as folder:
        (Path(folder) / ".spiceinit").write_text(_SETTINGS)
        (Path(folder) / "deck.cir").write_text(deck)
        try:
            done = run_tool(
                [program, "-b", "deck.cir"],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise SpiceTimeoutError(
                f"ngspice did not end within {timeout:.0f} s; the netlist converges too slowly"
            ) from None
    return done.stdout
