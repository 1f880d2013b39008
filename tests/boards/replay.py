"""A recorded conversation with a device, played again to a host that says the same."""

import os
import re
import threading
import tty
from itertools import groupby
from pathlib import Path
from select import select
from types import TracebackType

from cobs import cobs

#: of pyserial's `spy`: when, which way, offset, up to 16 bytes; then the same as text
LINE = re.compile(r"^[\d.]+ (TX|RX) +[0-9A-F]{4}  (.{50})")


def read_conversation(path: Path) -> list[tuple[str, bytes]]:
    """("TX" or "RX", bytes) in turn, TX being the host's."""
    found = [match.groups() for match in map(LINE.match, path.read_text().splitlines()) if match]
    return [
        (way, b"".join(bytes.fromhex(part) for _, part in parts))
        for way, parts in groupby(found, key=lambda part: part[0])
    ]


class Replay:
    """Serves ``port`` for as long as the context lasts; ``wrong`` is what the host said that it should not have."""

    def __init__(self, path: Path) -> None:
        self._turns = read_conversation(path)
        (request,) = {cobs.decode(part) for part in self._turns[0][1].split(b"\0")[:2] if part}
        self.first_tag = int.from_bytes(request[1:3], "little")
        self.wrong = b""

    def __enter__(self) -> "Replay":
        self._end, self._host = os.openpty()
        tty.setraw(self._host)
        self.port = os.ttyname(self._host)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()  # before its descriptor is somebody else's
        os.close(self._host)
        os.close(self._end)

    def _play(self) -> None:
        heard = bytearray()
        for way, part in self._turns:
            if way == "RX":
                os.write(self._end, part)
                continue
            while len(heard) < len(part):
                if self._over.is_set():
                    return
                if select([self._end], [], [], 0.02)[0]:
                    heard += os.read(self._end, 4096)
            if heard[: len(part)] != part:
                self.wrong = bytes(heard)
                return
            del heard[: len(part)]
