"""Runs ngspice in batch mode."""

import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from hw.support.errors import CaptwinError

ADVICE = "apt-get install ngspice"
#: What ngspice reads before a deck, in place of the user's own: PDKs are written for HSPICE's dialect. Where it finds
#: no operating point, it would otherwise simulate until things settle, which lets go of the nodes that are held.
SETTINGS = "set ngbehavior=hsa\nset ng_nomodcheck\noptran 1 1 1 0 0 0\n"
#: variables of the environment that name folders of init files and inputs
_FOREIGN = ("SPICE_", "NGSPICE_")


class SpiceError(CaptwinError):
    """ngspice, or a netlist given to it, failed."""


class SpiceTimeoutError(SpiceError):
    """ngspice did not end in time."""


def require_ngspice() -> str:
    """Path of ngspice; :class:`SpiceError` if it is not installed."""
    path = shutil.which("ngspice")
    if path is None:
        raise SpiceError(f"ngspice is not installed; try: {ADVICE}")
    return path


def ngspice_version() -> str:
    """Name and version, such as ngspice-39; :class:`SpiceError` if it is not installed."""
    return _version(require_ngspice())


@cache
def _version(program: str) -> str:
    done = subprocess.run(
        [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    match = re.search(r"ngspice-\S+", done.stdout)
    return match[0] if match else done.stdout


def run_deck(deck: str, timeout: float) -> str:
    """What ngspice prints, messages included, when it runs ``deck``; at most ``timeout`` seconds,
    or :class:`SpiceTimeoutError`.

    A deck that fails halfway is no error here: its caller sees which of the results it asked for are missing. No init
    file but ours is read.
    """
    program = require_ngspice()
    with tempfile.TemporaryDirectory(prefix="captwin-") as folder:
        (Path(folder) / ".spiceinit").write_text(SETTINGS)
        (Path(folder) / "deck.cir").write_text(deck, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        try:
            done = subprocess.run(
                [program, "-b", "deck.cir"],
                cwd=folder,
                env=environment | {"HOME": folder, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise SpiceTimeoutError(
                f"ngspice did not end within {timeout:.0f} s; the netlist converges too slowly"
            ) from None
    return done.stdout
