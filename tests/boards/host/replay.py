"""A recorded conversation with a device, played again to a host that says the same."""

import re
from itertools import groupby
from pathlib import Path

from cobs import cobs

from tests.boards.host.pty_device import PtyDevice

#: of pyserial's `spy`: when, which way, offset, up to 16 bytes; then the same as text
LINE = re.compile(r"^[\d.]+ (TX|RX) +[0-9A-F]{4}  (.{50})")


def read_conversation(path: Path) -> list[tuple[str, bytes]]:
    """("TX" or "RX", bytes) in turn, TX being the host's."""
    found = [match.groups() for match in map(LINE.match, path.read_text().splitlines()) if match]
    return [
        (way, b"".join(bytes.fromhex(part) for _, part in parts))
        for way, parts in groupby(found, key=lambda part: part[0])
    ]


class Replay(PtyDevice):
    """Serves ``port`` for as long as the context lasts; ``wrong`` is what the host said that it should not have."""

    def __init__(self, path: Path) -> None:
        self._turns = read_conversation(path)
        (request,) = {cobs.decode(part) for part in self._turns[0][1].split(b"\0")[:2] if part}
        self.first_tag = int.from_bytes(request[1:3], "little")
        self.wrong = b""

    def serve(self) -> None:
        heard = bytearray()
        for way, part in self._turns:
            if way == "RX":
                self.write(part)
                continue
            while len(heard) < len(part):
                came = self.read()
                if not came:
                    return
                heard += came
            if heard[: len(part)] != part:
                self.wrong = bytes(heard)
                return
            del heard[: len(part)]
