"""A device in Python behind a pseudo-terminal, which misbehaves as it is told."""

import json
import struct
import zlib
from collections.abc import Callable

from cobs import cobs

from captwin.hw.chip import Chip
from captwin.hw.link.protocol import REPLY, VERSION, Command, Status
from tests.boards.host.pty_device import PtyDevice

ABOUT = {
    "protocol": VERSION,
    "captwin": "0.1.0",
    "build_id": "0123456789abcdef",
    "sizes": [4, 3, 2],
    "steps": 8,
    "images": 3,
    "clock_hz": 1000,
    "baud": 100,
}
CLASSES, LAYERS = 2, 2

#: number of the request, its reply's frame -> what is really sent
Mishap = Callable[[int, bytes], bytes]


def about(chip: Chip) -> bytes:
    """What a device with ``chip`` says of itself."""
    own = {"build_id": f"{chip.build_id:016x}", "sizes": list(chip.sizes), "steps": chip.encoder.steps}
    return json.dumps(ABOUT | own).encode()


def framed(content: bytes) -> bytes:
    return cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


def answer_of(image: bytes) -> bytes:
    """What the fake makes of an image: numbers that tell it from others."""
    numbers = struct.pack("<BBI2B2H", image[0] % CLASSES, 1, 1000 + image[0], image[1], image[2], image[3], sum(image))
    return numbers + struct.pack("<7I", *range(7))


class FakeDevice(PtyDevice):
    """Serves ``port`` for as long as the context lasts; ``requests`` are those that came whole."""

    def __init__(
        self,
        mishap: Mishap = lambda number, frame: frame,
        about: bytes | None = None,
        answer: Callable[[bytes], bytes] = answer_of,
    ) -> None:
        self.requests: list[tuple[int, int, bytes]] = []
        self._mishap = mishap
        self._answer = answer
        self._about = json.dumps(ABOUT).encode() if about is None else about

    def serve(self) -> None:
        received = bytearray()
        while came := self.read():
            received += came
            while (end := received.find(0)) >= 0:
                frame = bytes(received[:end])
                del received[: end + 1]
                try:
                    content = cobs.decode(frame)
                except cobs.DecodeError:
                    continue
                if len(content) < 7 or framed(content[:-4]) != frame + b"\0":
                    continue
                command, tag = struct.unpack("<BH", content[:3])
                self.requests.append((command, tag, content[3:-4]))
                status, body = self._carry_out(command, content[3:-4])
                reply = framed(struct.pack("<BHB", command | REPLY, tag, status) + body)
                sent = self._mishap(len(self.requests) - 1, reply)
                if sent:
                    self.write(sent)

    def _carry_out(self, command: int, body: bytes) -> tuple[int, bytes]:
        if command == Command.IDENTIFY:
            return Status.OK, self._about
        if command == Command.INFER:
            return Status.OK, self._answer(body)
        if command == Command.COUNTERS:
            return Status.OK, struct.pack("<7I", *range(7))
        if command == Command.LOOPBACK and len(body) > 50:
            return Status.WRONG_LENGTH, b""
        return Status.OK, body
