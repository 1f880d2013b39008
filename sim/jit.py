"""Numba's ``njit``. Machine code that it keeps from an earlier process is taken only if its digest is right."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core import caching

from captwin.hw.support.cache_folder import notices

__all__ = ["njit"]

_DIGEST = 32


class _SealedFile(caching.IndexDataCacheFile):
    """Numba's cache of one function: an index and the code of each signature, every file after a digest of it.

    Numba itself unpickles what it finds: a damaged file ends in any exception, or in other results.
    """

    def __init__(self, cache_path: str, filename_base: str, source_stamp: Any) -> None:
        super().__init__(cache_path, f"{filename_base}.sealed-{numba.__version__}", source_stamp)

    def _load_index(self) -> dict[Any, str]:
        content = self._read(self._index_path)
        stamp, names = pickle.loads(content) if content else (None, {})
        return names if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        content = self._read(self._data_path(name))
        if content is None:
            raise OSError  # which Numba takes for "not kept"
        return pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, value: Any) -> None:
        content = self._dump(value)
        with self._open_for_write(path) as file:
            file.write(_digest(content) + content)

    def _read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none, or not a whole one."""
        try:
            data = Path(path).read_bytes()
        except OSError:
            return None
        if data[:_DIGEST] == _digest(data[_DIGEST:]):
            return data[_DIGEST:]
        notices.warning("%s: this cached function is damaged; compiling it again", path)
        Path(path).unlink(missing_ok=True)
        return None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


caching.IndexDataCacheFile = _SealedFile  # type: ignore[misc]  # what it makes its caches of
