"""Temporary files and folders that take another's place at once, and the end of those that killed processes left."""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import time

PREFIX = ".captwin-"
#: a temporary that nobody holds, and that is no younger, belongs to a process that was killed
ABANDONED_S = 60.0
_RANDOM = re.compile(re.escape(PREFIX) + "[a-z0-9_]{8}")
#: of Linux's renameat2: swap two names
_EXCHANGE, _AT_FDCWD = 2, -100
#: what a file system says that cannot swap names
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def is_temporary(name: str) -> bool:
    """Whether a file or folder of that name is a temporary of ours."""
    return _RANDOM.fullmatch(name) is not None


@contextlib.contextmanager
def temporary_beside(target: Path, *, folder: bool) -> Iterator[Path]:
    """An empty temporary file or ``folder`` beside ``target``, gone at the end; those of killed processes go, too.

    It is locked while in use, and a lock dies with its process: so one tells which is abandoned.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    if folder:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    else:
        descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=target.parent)
        path = Path(name)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: what is left there stays
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Removes what killed processes left of :func:`temporary_beside` in ``folder``."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name) and time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED_S:
                _remove_if_abandoned(Path(entry.path))


def put_in_place(temporary: Path, target: Path) -> None:
    """Gives ``temporary`` the name ``target``; a folder that stood there stands at ``temporary`` afterwards.

    At every moment one of the two stands at ``target``, where the file system can swap names; where not, a killed
    process may leave the old one aside, until :func:`recover`.
    """
    if not target.exists():
        temporary.replace(target)
    elif not _swapped(temporary, target):
        aside = _aside(target)
        target.replace(aside)
        temporary.replace(target)
        aside.replace(temporary)


def recover(target: Path) -> None:
    """Puts back what a process laid aside that was killed before it could put the new ``target`` in place; and removes
    it if it was killed just after."""
    aside = _aside(target)
    if aside.exists():
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.replace(target)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.captwin-old")


def _swapped(first: Path, second: Path) -> bool:
    """Swaps two names at once; False where that cannot be done."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(second))


def _remove_if_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
            _remove(path)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
