"""Finding the programs that we call."""

import os
import shutil
import sys
from pathlib import Path


def find_tool(name: str) -> str | None:
    """Absolute path of a program, looked for beside this Python first (a virtual environment's own tools need not be
    on PATH), then on PATH; None if it is nowhere."""
    own = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([own, os.environ.get("PATH", "")]))
