"""Writing files so that nothing half-written is ever left behind."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hw.support.errors import CaptwinError
from hw.support.locks import LOCK

#: bytes of the largest file that is read whole, if its reader does not say less
READ_LIMIT = 1 << 29


def file_target(path: Path) -> Path:
    """Where writing to ``path`` would end, links followed; :class:`CaptwinError` if no file can stand there."""
    target = path.resolve()
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
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        reason = error.strerror or error
        raise CaptwinError(f"{path}: cannot write: {reason}; choose a writable place with room") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, own: str) -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its place if the block ends well, and is gone if not.

    What stands at ``path`` is replaced if it is a folder in which every name matches the regular expression ``own``.
    Raises :class:`CaptwinError` if anything else stands there, or if the place is not writable.
    """
    target = path.resolve()
    temporary = None
    try:
        if target.exists() and not target.is_dir():
            raise CaptwinError(f"{path}: cannot use as folder: this is a file; name a new folder")
        if target in (Path.cwd(), *Path.cwd().parents):
            raise CaptwinError(f"{path}: cannot use as folder: this is where you are; name a folder in it")
        if target.exists() and not all(
            re.fullmatch(own, entry.name) or entry.name == LOCK for entry in target.iterdir()
        ):
            raise CaptwinError(f"{path}: cannot use as folder: it holds other things; name a new one")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
        temporary = None
    except OSError as error:
        reason = error.strerror or error
        raise CaptwinError(f"{path}: cannot write: {reason}; choose a writable place with room") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


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
    except OSError as error:
        raise CaptwinError(f"{path}: cannot read {what}: {error.strerror or error}") from None


def read_text(path: Path, what: str, limit: int = READ_LIMIT) -> str:
    """The text of ``path``, UTF-8 with or without a byte order mark; errors as :func:`read_bytes`."""
    try:
        return read_bytes(path, what, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptwinError(
            f"{path}: cannot read {what}: no UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
