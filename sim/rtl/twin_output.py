"""What a compiled core's program writes, as arrays."""

import contextlib
import subprocess
from io import BufferedReader
from threading import Thread
from typing import cast

import numpy as np

from captwin.hw.support.errors import CaptwinError

#: bytes of a program's text that are kept
TEXT_LIMIT = 2000
#: letters of its last line that are shown
LINE_LIMIT = 200


class TwinOutput:
    """The numbers from a program's stdout, in the order that ``twin.cpp`` states; its stderr is text."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout and program.stderr
        self._program, self._numbers = program, program.stdout
        self._text = cast(BufferedReader, program.stderr)
        self._end = b""
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def take(self, dtype: str, *shape: int) -> np.ndarray:
        """The next array; :class:`CaptwinError` with what the program says if it ends instead."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        content = self._numbers.read(size)
        if len(content) < size:
            status = self._program.wait()
            self._listener.join()
            lines = self._end.decode(errors="replace").strip().splitlines()
            reason = _printable(lines[-1]) if lines else f"it stopped early, with exit status {status}"
            raise CaptwinError(f"compiled core: {reason}; `captwin simulate --waves` shows more")
        return np.frombuffer(content, kind).reshape(shape)

    def number(self) -> int:
        """The next single number; errors as :meth:`take`."""
        return int(self.take("<i8", 1)[0])

    def _listen(self) -> None:
        """Keeps the end of what the program prints, so that the program never waits for somebody to read it."""
        with contextlib.suppress(ValueError):  # closed meanwhile
            while text := self._text.read1(1 << 12):
                self._end = (self._end + text)[-TEXT_LIMIT:]


def _printable(line: str) -> str:
    """``line``, which Verilog of others may have printed, without what would control a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in line)[:LINE_LIMIT].strip()
