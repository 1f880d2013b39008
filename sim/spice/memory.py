"""Records of what was simulated, kept from run to run; nobody needs them, so nothing fails for want of them."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from captwin.hw.support.cache_folder import cache_folder, private_folder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes

#: bytes of the largest file of records that is read
LIMIT = 1 << 31
_DIGITS = 16


def default_cache() -> Path:
    """Where simulated cycles are kept."""
    return private_folder(cache_folder() / "spice")


class Memory:
    """Records, lists of ``width`` JSON values, in a file of one line each, a digest of the record before it.

    Without a file none are kept. A line that an interruption cut off, or that was altered, is no record. A file that
    cannot be read or written costs a warning, once.
    """

    def __init__(self, file: Path | None, width: int) -> None:
        self.file = file
        self.width = width

    def read(self) -> Iterator[list[Any]]:
        """All records."""
        if self.file is None or not self.file.exists():
            return
        try:
            text = read_bytes(self.file, "records", LIMIT).decode(errors="replace")
        except CaptwinError as error:
            self._give_up(str(error))
            return
        for line in text.split("\n"):
            digest, _, content = line.partition(" ")
            if digest != _digest(content):
                continue
            record = json.loads(content)
            if isinstance(record, list) and len(record) == self.width:
                yield record

    def add(self, records: Sequence[Sequence[Any]]) -> None:
        """Appends ``records``."""
        if self.file is None or not records:
            return
        contents = [json.dumps(record, allow_nan=False) for record in records]
        lines = "".join(f"{_digest(content)} {content}\n" for content in contents)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab+", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - 1, 0))
                # An interrupted run may have left half a line.
                file.write(("" if file.read(1) in (b"", b"\n") else "\n").encode() + lines.encode())
        except OSError as error:
            self._give_up(f"{self.file}: cannot write: {error.strerror or error}")

    def _give_up(self, reason: str) -> None:
        logging.getLogger("captwin").warning(
            "%s; what is simulated is not kept (CAPTWIN_CACHE names another folder)", reason
        )
        self.file = None


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]
