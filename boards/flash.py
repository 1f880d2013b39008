"""Getting a bitstream onto a board."""

import json
import shlex
import subprocess
from hashlib import sha256
from pathlib import Path

from boards.board import Board
from boards.build import MANIFEST
from hw.chip import Chip
from hw.errors import CaptwinError
from hw.files import read_bytes
from hw.tools import find_tool


def flash_command(folder: Path, board: Board, chip: Chip, *, burn: bool) -> list[str]:
    """The command that flashes the build in ``folder``: into volatile memory, or for good if ``burn``.

    Raises :class:`CaptwinError` if there is no whole build, or if it was made for another board or chip.
    """
    again = f"run captwin build for {board.name} again"
    if not (folder / MANIFEST).exists():
        raise CaptwinError(f"{folder}: holds no build; run captwin build first, or name its folder with --build")
    bitstream = folder / board.family.bitstream
    try:
        manifest = json.loads(read_bytes(folder / MANIFEST, "a build's manifest"))
        made_for, build_id, digest = manifest["board"], manifest["build_id"], manifest["sha256"]["bitstream"]
    except (ValueError, KeyError, TypeError):
        raise CaptwinError(f"{folder / MANIFEST}: is not a build's manifest; {again}") from None
    if made_for != board.name:
        raise CaptwinError(f"{folder}: this bitstream is for {made_for}, not for {board.name}; {again}")
    if build_id != f"{chip.build_id:016x}":
        raise CaptwinError(f"{folder}: this bitstream is of chip {build_id}, not of {chip.build_id:016x}; {again}")
    if sha256(read_bytes(bitstream, "a bitstream")).hexdigest() != digest:
        raise CaptwinError(f"{bitstream}: is not the file that its manifest tells of; {again}")
    return [str(bitstream) if part == "FILE" else part for part in (board.burn if burn else board.load)]


def flash(command: list[str]) -> None:
    """Runs it, its output going to the terminal; :class:`CaptwinError` if the program is missing or fails."""
    program = find_tool(command[0])
    if program is None:
        raise CaptwinError(f"{command[0]}: not installed; install it, then run: {shlex.join(command)}")
    status = subprocess.run([program, *command[1:]], check=False).returncode
    if status:
        raise CaptwinError(f"{command[0]} failed with status {status}; is the board connected, and yours to open?")
