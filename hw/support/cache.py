"""Results that took long, kept in the user's cache folder."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from time import time

import pooch

from hw.support.errors import CaptwinError

#: an unfinished entry of that age belongs to a process that was killed
ABANDONED_S = 86_400.0


def cached(kind: str, key: Sequence[str], make: Callable[[Path], None]) -> tuple[Path, bool]:
    """A folder that ``make`` fills, once for each ``key``, and whether it was there already.

    It is kept whole or not at all: an interruption or an error leaves no entry, and what a killed process left is
    removed a day later. ``key`` must hold all that goes in, tools' versions included. Raises :class:`CaptwinError` if
    the cache folder is not writable.
    """
    digest = hashlib.sha256("\0".join(key).encode()).hexdigest()
    entry = pooch.os_cache("captwin") / kind / digest[:32]
    if entry.exists():
        return entry, True
    temporary = None
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        for unfinished in entry.parent.glob(".*"):
            with suppress(FileNotFoundError):  # its process has just finished it
                if time() - unfinished.stat().st_mtime > ABANDONED_S:
                    shutil.rmtree(unfinished, ignore_errors=True)
        temporary = Path(mkdtemp(prefix=".", dir=entry.parent))
        make(temporary)
        temporary.replace(entry)
    except OSError as error:
        if not entry.exists():  # else another process was quicker
            raise CaptwinError(f"{entry.parent}: cannot keep results: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return entry, False
