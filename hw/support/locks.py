"""Folders that belong to one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hw.support.errors import CaptwinError

#: name of the lock's file within the folder
LOCK = ".captwin-lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Holds ``folder``, which is made if need be, for this process alone; the lock dies with its process.

    Raises :class:`CaptwinError` at once if another process holds it, or if it is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise CaptwinError(f"{folder}: another captwin works in this folder; wait for it, or name another") from None
    except OSError as error:
        reason = error.strerror or error
        raise CaptwinError(f"{folder}: cannot work here: {reason}; name a folder that is writable") from None
    try:
        yield
    finally:
        lock.release()
