"""What lies in the cache folder, and what goes when it is too much: the least recently used first."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import time

from captwin.hw.support.errors import CaptwinError

#: Limits of the whole cache folder, and the variables that name others.
SIZE_LIMIT_GB, SIZE_VARIABLE = 8.0, "CAPTWIN_CACHE_GB"
AGE_LIMIT_DAYS, AGE_VARIABLE = 180.0, "CAPTWIN_CACHE_DAYS"
DAY_S = 86_400.0
#: an unfinished entry of that age belongs to a process that was killed
ABANDONED_S = DAY_S
#: an entry that was used so recently may be in use
IN_USE_S = 3600.0
#: kind of what was downloaded, which stays: it may not be to be had again
DATA = "data"


@dataclass(frozen=True)
class Entry:
    """One thing that can be removed by itself."""

    kind: str  #: which part of Captwin, or which tool, keeps it
    path: Path
    size: int  #: bytes
    used: float  #: when it was last made or used, seconds since 1970


def entries(root: Path) -> list[Entry]:
    """All entries below the cache folder ``root``, the least recently used first; what another process removes
    meanwhile is left out."""
    listed = []
    for kind in _inside(root):
        if kind.is_dir() and not kind.is_symlink():
            listed += [_entry(kind.name, path) for path in _inside(kind) if not path.name.startswith(".")]
        else:
            listed.append(_entry(DATA, kind))
    return sorted((entry for entry in listed if entry is not None), key=lambda entry: entry.used)


def limits() -> tuple[float, float]:
    """(bytes, seconds) that the cache may hold and reach back; :class:`CaptwinError` if a variable states neither."""
    return _limit(SIZE_VARIABLE, SIZE_LIMIT_GB) * 1e9, _limit(AGE_VARIABLE, AGE_LIMIT_DAYS) * DAY_S


def prune(root: Path, size_limit: float | None = None, *, in_use_s: float = IN_USE_S) -> list[Entry]:
    """Removes from ``root`` what is older than allowed, then the least recently used until ``size_limit`` bytes (by
    default what :func:`limits` says) hold the rest; returns what went. Downloaded data, and what was used within
    ``in_use_s`` seconds, stay."""
    most_bytes, most_age = limits()
    most_bytes = most_bytes if size_limit is None else size_limit
    known = entries(root)
    size, now, gone = sum(entry.size for entry in known), time(), []
    for entry in known:
        age = now - entry.used
        if entry.kind == DATA or age < in_use_s or (size <= most_bytes and age <= most_age):
            continue
        remove(entry.path)
        gone.append(entry)
        size -= entry.size
    return gone


def remove(path: Path) -> None:
    """Removes an entry, first from its name, so that nobody takes what is left of it for whole."""
    with suppress(OSError):
        aside = Path(mkdtemp(prefix=".", dir=path.parent))
        path.rename(aside / path.name)
        shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Removes from ``folder`` what killed processes left unfinished: hidden files and folders of a day's age."""
    for unfinished in _inside(folder):
        with suppress(OSError):  # its process has just finished it
            if unfinished.name.startswith(".") and time() - unfinished.lstat().st_mtime > ABANDONED_S:
                if unfinished.is_dir() and not unfinished.is_symlink():
                    shutil.rmtree(unfinished, ignore_errors=True)
                else:
                    unfinished.unlink()


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _entry(kind: str, path: Path) -> Entry | None:
    with suppress(OSError):
        status = path.lstat()
        used, size = status.st_mtime, 0
        for file in _files(path):
            inner = file.lstat()
            used, size = max(used, inner.st_mtime, inner.st_atime), size + inner.st_size
        return Entry(kind, path, size, used)
    return None


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in names)


def _limit(variable: str, default: float) -> float:
    stated = os.environ.get(variable)
    if not stated:
        return default
    try:
        value = float(stated)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise CaptwinError(f"{variable}: expected a number that is not negative, got {stated}")
    return value
