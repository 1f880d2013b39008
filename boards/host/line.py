"""Requests and replies over a serial port. A request whose reply is lost or damaged is sent again."""

import itertools
import struct
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import serial
from cobs import cobs

from captwin.boards.host.record import Record
from captwin.hw.link import protocol
from captwin.hw.link.protocol import Command, Status
from captwin.hw.support.errors import CaptwinError

#: seconds that a host waits for a reply, or for its next byte, beyond the time that the bytes take on the line
PATIENCE_S = 0.5
#: seconds beyond that after which it waits no longer, whatever bytes come
LONGEST_S = 10.0
#: most times that a request is sent
TRIES = 5
#: seconds that one read of the port waits for a byte
LOOK_S = 0.05
#: most bytes of a frame from a device
LONGEST_FRAME = 1 << 17
#: kinds of URL that name a port, of those that pyserial knows
URLS = ("socket://", "rfc2217://")
#: what a status means to the user, where its name does not say it
REASONS = {
    Status.NO_CHIP: "it holds no known chip, as after a load that was interrupted; load one: captwin load CHIP",
    Status.NOT_PROVED: "what it holds is not all that was sent; see that the line is sound, and load the chip again",
}


class LinkError(CaptwinError):
    """The device does not answer, or its answer is not what the protocol allows."""


class RefusedError(LinkError):
    """The device refuses a request; ``status`` is the one of its reply."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Request:
    """A request, and its reply once that came."""

    command: Command
    tag: int
    body: bytes
    status: int = Status.OK  #: of the reply
    reply: bytes | None = None  #: body of the reply; None until it came

    def frame(self) -> bytes:
        """The bytes for the line. A zero goes ahead of the frame, too: it ends any stray bytes sent before."""
        content = struct.pack("<BH", self.command, self.tag) + self.body
        return b"\0" + cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


class Line:
    """A serial port with a device at its other end; :class:`LinkError` if it cannot be opened, or goes away.

    ``baud`` is in bits a second. ``patience_s`` is how many seconds to wait for a reply, beyond the time that its bytes
    take on the line; PATIENCE_S by default. All bytes in both directions are written to the file ``record``, by
    pyserial's `spy`. Tags of requests count up from ``first_tag``. By default they begin at a number taken from the
    clock, so that a late reply to an earlier program is not mistaken for one to us.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        *,
        patience_s: float | None = None,
        record: Path | None = None,
        first_tag: int | None = None,
    ) -> None:
        self.port = port
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._baud = baud
        if "://" in port and not port.startswith(URLS):
            raise LinkError(f"{port}: no port; give a device's path, such as /dev/ttyUSB0, or socket://HOST:PORT")
        self._record = Record(record) if record else None
        url = f"spy://{port}?{urlencode({'file': record})}" if record else port
        try:
            self._serial = serial.serial_for_url(url, baud, timeout=LOOK_S, write_timeout=10, exclusive=True)
        except (serial.SerialException, OSError, ValueError, OverflowError) as error:
            if self._record:
                self._record.close()
            where = record if record and isinstance(error, OSError) and error.filename == str(record) else port
            raise LinkError(f"{where}: cannot be opened ({_reason(error)}); see that it is there and free") from None
        self._tags = itertools.count(time.monotonic_ns() if first_tag is None else first_tag)
        self._received = bytearray()
        self._noise = False  # too many bytes came for a frame: all are ignored until the next zero
        self.sent = 0  #: bytes sent so far

    def close(self) -> None:
        """Closes the port, and the record if there is one."""
        self._serial.close()
        if self._record:
            self._record.close()

    def send(self, command: Command, body: bytes = b"") -> Request:
        """Sends a request and does not wait for its reply."""
        request = Request(command, next(self._tags) & 0xFFFF, body)
        self._write(request.frame())
        return request

    def reply(self, request: Request, waiting: Collection[Request], tries: int = TRIES) -> bytes:
        """Waits for the reply to ``request`` and returns its body.

        ``waiting`` are all requests without a reply, ``request`` among them: a reply to another of them is stored in
        it. If nothing comes for some time, all of them are sent again, ``tries`` times in all. :class:`LinkError` if
        no reply comes, :class:`RefusedError` if the device refuses the request.
        """
        for attempt in range(tries):
            if attempt:
                self._received.clear()  # part of a frame whose rest is lost
                self._write(b"".join(asked.frame() for asked in waiting if asked.reply is None))
            bits = 10 * sum(2 * len(asked.frame()) for asked in waiting)
            now = time.monotonic()
            deadline = now + self._patience_s + bits / self._baud
            limit = deadline + LONGEST_S
            while request.reply is None and (now := time.monotonic()) < min(deadline, limit):
                before = len(self._received)
                if self._look(waiting) or len(self._received) > before:  # a reply is coming
                    deadline = max(deadline, now + self._patience_s)
            if request.reply is not None:
                self._accept(request, request.status)
                return request.reply
        raise LinkError(
            f"{self.port}: no answer to {request.command.name}; see that the board is on and holds a Captwin "
            f"bitstream, and that its baud rate is {self._baud}"
        )

    def replies(self, request: Request) -> Iterator[tuple[int, bytes]]:
        """Command and body of each reply with the tag of ``request``, until none has come for the line's patience.

        :class:`RefusedError` if the device refuses the request.
        """
        deadline = time.monotonic() + self._patience_s + 10 * len(request.frame()) / self._baud
        while time.monotonic() < deadline:
            for command, tag, status, body in self._frames():
                if tag == request.tag:
                    self._accept(request, status)
                    yield command, body
                    deadline = max(deadline, time.monotonic() + self._patience_s)

    def _accept(self, request: Request, status: int) -> None:
        if status != Status.OK:
            reason = Status(status).name if status in list(Status) else str(status)
            if status in REASONS:
                reason = REASONS[Status(status)]
            raise RefusedError(f"{self.port}: the device refuses {request.command.name}: {reason}", status)

    def _look(self, waiting: Collection[Request]) -> bool:
        """Stores the replies that have come in their requests; whether any whole frame came."""
        came = False
        for command, tag, status, body in self._frames():
            came = True
            for request in waiting:
                if (command, tag) == (request.command | protocol.REPLY, request.tag) and request.reply is None:
                    request.status, request.reply = status, body
        return came

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Reads the port; the sound replies that have come: command, tag, status, body."""
        try:
            self._received += self._serial.read(max(1, self._serial.in_waiting))
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from None
        while (end := self._received.find(0)) >= 0:
            content = None if self._noise else _open(bytes(self._received[:end]))
            self._noise = False
            del self._received[: end + 1]
            if content is not None and len(content) >= protocol.REPLY_HEAD:
                command, tag, status = struct.unpack("<BHB", content[: protocol.REPLY_HEAD])
                yield command, tag, status, content[protocol.REPLY_HEAD :]
        if self._noise or len(self._received) > LONGEST_FRAME:
            self._noise = True
            self._received.clear()

    def _write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
            self.sent += len(data)
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> LinkError:
        self.close()
        return LinkError(f"{self.port}: gone ({_reason(error)}); see that the board is plugged in")


def _open(frame: bytes) -> bytes | None:
    """The content of a frame; None if it is damaged."""
    try:
        content = cobs.decode(frame)
    except cobs.DecodeError:
        return None
    body, check = content[:-4], content[-4:]
    return body if len(check) == 4 and zlib.crc32(body).to_bytes(4, "little") == check else None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).split("\n")[0]
