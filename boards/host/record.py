"""The file that a conversation with a device is recorded in: one program's at a time, and nobody else's."""

import fcntl
import re
from contextlib import suppress
from pathlib import Path

from captwin.hw.support.errors import CaptwinError

#: start of each line of a file that pyserial's `spy` writes
SPIED = re.compile(rb"\d{6}\.\d{3} (TX|RX|Q-|[A-Z]+)")


class Record:
    """Holds the file ``path`` for this process, so that pyserial can write a record there.

    Raises :class:`CaptwinError` if it is neither new, empty nor an earlier record, or if another program holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._is_new = not path.exists()
            if not self._is_new and not _is_record(path):
                raise CaptwinError(f"{path}: is there and no record of a line; name another file")
            self._file = path.open("ab")
        except OSError as error:
            raise CaptwinError(f"{path}: cannot be opened ({error.strerror or error}); name another file") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise CaptwinError(f"{path}: another captwin records there; wait for it, or name another file") from None
        except OSError as error:  # a file system without locks
            self.close()
            raise CaptwinError(f"{path}: cannot be held ({error.strerror or error}); name another file") from None

    def close(self) -> None:
        """Lets go of the file. One that was made for this is removed if nothing was recorded."""
        with suppress(FileNotFoundError):
            if self._is_new and self._path.stat().st_size == 0:
                self._path.unlink()
        self._file.close()


def _is_record(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(40)
    return not start or SPIED.match(start) is not None
