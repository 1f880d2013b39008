"""Results that took long, kept in the user's cache folder and verified whenever they are read."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock

from captwin.hw.support.cache_folder import cache_folder, notices, private_folder
from captwin.hw.support.cache_limits import prune, remove, sweep
from captwin.hw.support.documents import parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes

#: the file of an entry that holds the digests of its others
SEAL = ".sealed.json"
_BLOCK = 1 << 20


def cached(kind: str, key: Sequence[str], make: Callable[[Path], None]) -> tuple[Path, bool]:
    """A folder that ``make`` fills, once for each ``key``, and whether it was there already.

    It is kept whole or not at all: an interruption or an error leaves no entry. Each entry holds a digest of its
    files, verified here: one that is damaged is made again, and one line on stderr says so. Of several processes that
    want the same one, one makes it and the others wait. ``key`` must hold all that goes in, tools' versions included.
    Raises :class:`CaptwinError` if nothing can be kept, as when the disk is full.
    """
    folder = private_folder(cache_folder() / kind)
    entry = folder / _name(key)
    if _whole(entry):
        return entry, True
    sweep(folder)
    with _maker_of(entry):
        if _whole(entry):  # another process has just made it
            return entry, True
        _fill(entry, make)
    prune(cache_folder())
    return entry, False


@contextmanager
def _maker_of(entry: Path) -> Iterator[None]:
    """Keeps the making of ``entry`` to one process at a time, except where no lock is to be had."""
    lock = FileLock(entry.with_name(f".{entry.name}.lock"))
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):
                Path(lock.lock_file).unlink()  # before the release: whoever waits for this file sees that it is gone
            lock.release()


def _fill(entry: Path, make: Callable[[Path], None]) -> None:
    """Makes ``entry`` in a folder beside it, which then takes its name."""
    folder, temporary = entry.parent, None
    try:
        temporary = Path(mkdtemp(prefix=".", dir=folder))
        make(temporary)
        (temporary / SEAL).write_text(json.dumps(_digests(temporary)))
        temporary.replace(entry)
    except OSError as error:
        if not _whole(entry):  # else another process was quicker
            raise CaptwinError(f"{folder}: cannot keep results: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def kept(kind: str, key: Sequence[str]) -> Path | None:
    """The entry that :func:`cached` made earlier for ``key``; None if there is none."""
    entry = cache_folder() / kind / _name(key)
    return entry if _whole(entry) else None


def _name(key: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]


def _whole(entry: Path) -> bool:
    """Whether the entry is there, every file as it was; one that is not is removed. Remembers that it was used."""
    if not entry.exists():
        return False
    with suppress(OSError, CaptwinError):
        if parse_json(read_bytes(entry / SEAL, "seal")) == _digests(entry):
            os.utime(entry)
            return True
    if entry.exists():  # else another process has just removed it
        notices.warning("%s: this cached result is damaged; making it again", entry)
        remove(entry)
    return False


def _digests(folder: Path) -> dict[str, str]:
    """By name of each file in ``folder``: its SHA-256, and whether it can be run. Links and pipes have none."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path == folder / SEAL or stat.S_ISDIR(status.st_mode):
            continue
        name = str(path.relative_to(folder))
        if not stat.S_ISREG(status.st_mode):
            digests[name] = "no regular file"
            continue
        digest = hashlib.sha256(b"x" if status.st_mode & stat.S_IXUSR else b"-")
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        digests[name] = digest.hexdigest()
    return digests
