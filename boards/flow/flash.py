"""Getting a bitstream onto a board."""

import shlex
import subprocess

from captwin.boards.flow.built import Built
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, tool_environment


def flash_command(built: Built, *, burn: bool) -> list[str]:
    """The command that flashes a build: into volatile memory, or for good if ``burn``."""
    command = built.board.burn if burn else built.board.load
    return [str(built.bitstream) if part == "FILE" else part for part in command]


def flash(command: list[str]) -> None:
    """Runs it, its output going to the terminal; :class:`CaptwinError` if the program is missing or fails."""
    program = find_tool(command[0])
    if program is None:
        raise CaptwinError(f"{command[0]}: not installed; install it, then run: {shlex.join(command)}")
    status = subprocess.run([program, *command[1:]], env=tool_environment(), check=False).returncode
    if status:
        raise CaptwinError(f"{command[0]} failed with status {status}; is the board connected, and yours to open?")
