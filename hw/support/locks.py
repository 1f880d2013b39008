"""Folders that belong to one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from captwin.hw.support.errors import CaptwinError

#: name of the lock's file within the folder
LOCK = ".captwin-lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Holds ``folder``, which is made if need be, for this process alone; the lock dies with its process.

    Its file is gone afterwards, and so are the folders that had to be made if nothing was put there. Raises
    :class:`CaptwinError` at once if another process holds it, or if it is not writable.
    """
    place = folder.absolute()
    made = [path for path in (place, *place.parents) if not path.exists()]
    lock = FileLock(place / LOCK)
    if place.exists() and not place.is_dir():
        raise CaptwinError(f"{folder}: cannot use as folder: this is a file; name a new folder")
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise CaptwinError(f"{folder}: another captwin works in this folder; wait for it, or name another") from None
    except OSError as error:
        _remove(made)
        reason = error.strerror or error
        raise CaptwinError(f"{folder}: cannot work here: {reason}; name a folder that is writable") from None
    try:
        yield
    finally:
        with suppress(OSError):
            (place / LOCK).unlink()  # before the release: whoever waits for this file sees that it is gone
        lock.release()
        _remove(made)


def _remove(folders: list[Path]) -> None:
    """Removes those that are empty, the innermost first."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
