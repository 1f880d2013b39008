"""Where everything is kept that can be made again: ours, and what the tools keep that we call."""

import atexit
import logging
import os
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import platformdirs

from captwin.hw.support.errors import CaptwinError

VARIABLE = "CAPTWIN_CACHE"
#: what the tools that we call are told of their own caches: variable -> folder in ours
TOOLS = {"NUMBA_CACHE_DIR": "numba", "YOWASP_CACHE_DIR": "yowasp", "MPLCONFIGDIR": "matplotlib"}

notices = logging.getLogger("captwin")
_lock = threading.Lock()
#: cache folders of this process that end with it
_temporaries: set[Path] = set()


class UnsafeFolderError(CaptwinError):
    """Others may write into a cache folder, and so decide what we run."""


def cache_folder() -> Path:
    """The folder that ``CAPTWIN_CACHE`` names, else ``captwin`` in the user's cache folder (``XDG_CACHE_HOME``); it
    exists, and this user alone writes there.

    Where the user's cache folder cannot be had, one line says so and a temporary folder serves this process and those
    it starts. Raises :class:`CaptwinError` if the one that ``CAPTWIN_CACHE`` names cannot be written, or if others may
    write there.
    """
    with _lock:
        named = os.environ.get(VARIABLE)
        if named:
            return private_folder(Path(named).absolute())
        try:
            return private_folder(platformdirs.user_cache_path("captwin").absolute())
        except CaptwinError as error:
            return _temporary(error)


def is_temporary_cache() -> bool:
    """Whether nothing is kept in :func:`cache_folder` from one call to the next."""
    return cache_folder() in _temporaries


def prepare_caches() -> None:
    """Has numba, YoWASP's tools and Matplotlib keep in our folder what they keep, unless the environment says where.

    They look at the environment when they are imported or started; call this before.
    """
    wanted = {variable: name for variable, name in TOOLS.items() if not os.environ.get(variable)}
    if wanted:
        root = cache_folder()
        for variable, name in wanted.items():
            os.environ[variable] = str(private_folder(root / name))


def private_folder(folder: Path) -> Path:
    """``folder``, made if need be; :class:`CaptwinError` if it cannot be written, :class:`UnsafeFolderError` if it is
    another user's or others may write there."""
    advice = f"name another in {VARIABLE}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid != os.geteuid():
            raise UnsafeFolderError(f"{folder}: cannot keep anything here: this folder is another user's; {advice}")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UnsafeFolderError(
                f"{folder}: cannot keep anything here: others may write into this folder; {advice}, or empty this one"
                " and then: chmod -R go-w"
            )
        Path(tempfile.mkdtemp(prefix=".", dir=folder)).rmdir()
    except OSError as error:
        raise CaptwinError(f"{folder}: cannot keep anything here: {error.strerror or error}; {advice}") from None
    return folder


def _temporary(error: CaptwinError) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="captwin-cache-"))
    except OSError:
        raise error from None
    atexit.register(_remove, folder, os.getpid())
    _temporaries.add(folder)
    os.environ[VARIABLE] = str(folder)  # for the processes that this one starts, too
    notices.warning("%s; until then nothing is kept from one call to the next", error)
    return folder


def _remove(folder: Path, maker: int) -> None:
    if os.getpid() == maker:  # and not a process that it forked
        shutil.rmtree(folder, ignore_errors=True)
