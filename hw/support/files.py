"""Writing files so that nothing half-written is ever left behind."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.locks import LOCK
from captwin.hw.support.replacing import is_temporary, put_in_place, recover, temporary_beside

#: bytes of the largest file that is read whole, if its reader does not say less
READ_LIMIT = 1 << 29
# Asking for it means setting it for a moment, in which another thread might make files that everybody may write.
_UMASK = os.umask(0o77)
os.umask(_UMASK)


def file_target(path: Path) -> Path:
    """Where writing to ``path`` would end, links followed; :class:`CaptwinError` if no file can stand there."""
    try:
        target = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, names that cannot be
        raise CaptwinError(f"{path}: cannot write: {error}; name another") from None
    if not path.name or target.is_dir():
        raise CaptwinError(f"{path}: cannot write: this is a folder; name a file in it")
    if target.exists() and not target.is_file():
        raise CaptwinError(f"{path}: cannot write: this is no regular file; name another")
    return target


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes ``content`` to ``path`` through a temporary file beside it and a rename; makes its folder if need be.

    Raises :class:`CaptwinError` when the place is not writable, or the disk is full; ``path`` is then as it was before.
    """
    target = file_target(path)
    data = content.encode() if isinstance(content, str) else content
    with _writing(path), temporary_beside(target, folder=False) as temporary:
        temporary.write_bytes(data)
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(target)


@contextmanager
def whole_folder(path: Path, own: str) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its place if the block ends well, and is gone if not.

    What stands at ``path`` is replaced if it is a folder in which every name matches the regular expression ``own``;
    it stays until the new one stands there, whenever the process is killed. Raises :class:`CaptwinError` if anything
    else stands there, or if the place is not writable.
    """
    target = path.resolve()
    with _writing(path):
        recover(target)
        if target.exists() and not target.is_dir():
            raise CaptwinError(f"{path}: cannot use as folder: this is a file; name a new folder")
        if target in (Path.cwd(), *Path.cwd().parents):
            raise CaptwinError(f"{path}: cannot use as folder: this is where you are; name a folder in it")
        names = [entry.name for entry in target.iterdir()] if target.exists() else []
        if not all(re.fullmatch(own, name) or is_temporary(name) or name == LOCK for name in names):
            raise CaptwinError(f"{path}: cannot use as folder: it holds other things; name a new one")
        with temporary_beside(target, folder=True) as temporary:
            temporary.chmod(0o777 & ~_UMASK)
            yield temporary
            put_in_place(temporary, target)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise CaptwinError(f"{path}: cannot write: {reason}; choose a writable place with room") from None


def read_bytes(path: Path, what: str, limit: int = READ_LIMIT) -> bytes:
    """The content of the regular file ``path``; :class:`CaptwinError` naming ``what`` it should have been if it cannot
    be read, is something else (a pipe, a device), or holds more than ``limit`` bytes."""
    try:
        # Opening a pipe for reading waits for a writer unless told not to.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CaptwinError(f"{path}: cannot read {what}: this is no regular file; name one")
            if status.st_size > limit:
                raise CaptwinError(
                    f"{path}: cannot read {what}: {status.st_size:,} bytes are more than any {what} has ({limit:,})"
                )
            return file.read(limit + 1)[:limit]
    except (OSError, ValueError) as error:  # ValueError: no file can have that name
        reason = error.strerror if isinstance(error, OSError) else None
        raise CaptwinError(f"{path}: cannot read {what}: {reason or error}") from None


def read_text(path: Path, what: str, limit: int = READ_LIMIT) -> str:
    """The text of ``path``, UTF-8 with or without a byte order mark; errors as :func:`read_bytes`."""
    try:
        return read_bytes(path, what, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptwinError(
            f"{path}: cannot read {what}: no UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None
