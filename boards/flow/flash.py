"""Getting a bitstream onto a board."""

import shlex
import subprocess

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, tool_environment


def flash(command: list[str]) -> None:
    """Runs a :class:`Flasher`'s command, its output going to the terminal.

    Raises :class:`CaptwinError` if the program is missing or fails.
    """
    program = find_tool(command[0])
    if program is None:
        raise CaptwinError(f"{command[0]}: not installed; install it, then run: {shlex.join(command)}")
    status = subprocess.run([program, *command[1:]], env=tool_environment(), check=False).returncode
    if status:
        raise CaptwinError(f"{command[0]} failed with status {status}; is the board connected, and yours to open?")
