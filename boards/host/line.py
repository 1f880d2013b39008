"""Requests and replies over a serial port: what is damaged, late or lost is asked for again."""

import itertools
import re
import struct
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import serial
from cobs import cobs

from captwin.hw.link import protocol
from captwin.hw.link.protocol import Command, Status
from captwin.hw.support.errors import CaptwinError

#: a reply is waited for so long, beyond the time that the line takes or the latest of its bytes; whatever comes, not
#: for longer
PATIENCE_S, LONGEST_S = 0.5, 10.0
#: times that a request is sent, until there is a reply
TRIES = 5
#: how long one look at the port waits for something to come
LOOK_S = 0.05
#: bytes of the longest frame that any device sends
LONGEST_FRAME = 1 << 17
#: the ports that pyserial knows by other than a name or path, as far as they make sense here
URLS = ("socket://", "rfc2217://")
#: how pyserial's `spy` begins a line
SPIED = re.compile(rb"\d{6}\.\d{3} (TX|RX|Q-|[A-Z]+)")
#: what a status means, where its name does not say it
REASONS = {
    Status.NO_CHIP: "it holds no known chip, as after a load that was interrupted; load one: captwin load CHIP",
    Status.NOT_PROVED: "what it holds is not all that was sent; see that the line is sound, and load the chip again",
}


class LinkError(CaptwinError):
    """The device does not answer, or says something else than it should."""


class RefusedError(LinkError):
    """The device refuses a request, with ``status``."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Request:
    """What was asked, and the reply, once it came."""

    command: Command
    tag: int
    body: bytes
    status: int = Status.OK
    reply: bytes | None = None

    def frame(self) -> bytes:
        """As it is sent: with a zero in front too, which ends whatever stray bytes came before."""
        content = struct.pack("<BH", self.command, self.tag) + self.body
        return b"\0" + cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


class Line:
    """A serial port with a device at its other end; :class:`LinkError` if it cannot be opened, or goes away.

    Replies are waited for, beyond the time that the line takes, for ``patience_s``, by default PATIENCE_S. All that
    goes over it is written to the file ``record``, by pyserial's `spy`. Tags count from ``first_tag``; by
    default from wherever the clock is, lest what the device still has to say to somebody before pass for a reply.
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
        if record:
            _check_record(record)
        url = f"spy://{port}?{urlencode({'file': record})}" if record else port
        try:
            self._serial = serial.serial_for_url(url, baud, timeout=LOOK_S, write_timeout=10, exclusive=True)
        except (serial.SerialException, OSError, ValueError, OverflowError) as error:
            where = record if record and isinstance(error, OSError) and error.filename == str(record) else port
            raise LinkError(f"{where}: cannot be opened ({_reason(error)}); see that it is there and free") from None
        self._tags = itertools.count(time.monotonic_ns() if first_tag is None else first_tag)
        self._received = bytearray()
        self._noise = False  # what comes is too long for a frame, until the next zero
        self.sent = 0  #: bytes

    def close(self) -> None:
        self._serial.close()

    def send(self, command: Command, body: bytes = b"") -> Request:
        """Sends a request and does not wait."""
        request = Request(command, next(self._tags) & 0xFFFF, body)
        self._write(request.frame())
        return request

    def reply(self, request: Request, waiting: Collection[Request], tries: int = TRIES) -> bytes:
        """The body of the reply to ``request``, one of ``waiting``; other replies to these are kept with them.

        All that lack a reply are sent again if there is none for some time, up to ``tries`` times. Raises
        :class:`LinkError` if none comes then, or if the device refuses.
        """
        for attempt in range(tries):
            if attempt:
                self._received.clear()  # the rest of what has half come is lost
                self._write(b"".join(other.frame() for other in waiting if other.reply is None))
            bits = 10 * sum(2 * len(other.frame()) for other in waiting)
            now = time.monotonic()
            deadline = now + self._patience_s + bits / self._baud
            limit = deadline + LONGEST_S
            while request.reply is None and (now := time.monotonic()) < min(deadline, limit):
                before = len(self._received)
                if self._look(waiting) or len(self._received) > before:  # it is coming
                    deadline = max(deadline, now + self._patience_s)
            if request.reply is not None:
                self._accept(request, request.status)
                return request.reply
        raise LinkError(
            f"{self.port}: no answer to {request.command.name}; see that the board is on and holds a Captwin "
            f"bitstream, and that its baud rate is {self._baud}"
        )

    def replies(self, request: Request) -> Iterator[tuple[int, bytes]]:
        """Command and body of all replies with the tag of ``request``, until none has come for some time.

        Raises :class:`LinkError` if the device refuses.
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
            told = Status(status).name if status in list(Status) else str(status)
            if status in REASONS:
                told = REASONS[Status(status)]
            raise RefusedError(f"{self.port}: the device refuses {request.command.name}: {told}", status)

    def _look(self, waiting: Collection[Request]) -> bool:
        """Gives what has come to those who wait for it; whether there was a whole reply to anything."""
        came = False
        for command, tag, status, body in self._frames():
            came = True
            for request in waiting:
                if (command, tag) == (request.command | protocol.REPLY, request.tag) and request.reply is None:
                    request.status, request.reply = status, body
        return came

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Whole replies among what has come: command, tag, status, body."""
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


def _check_record(record: Path) -> None:
    """Raises :class:`LinkError` unless ``record`` is a new file, an empty one, or a record."""
    try:
        if not record.exists():
            return
        if record.is_file():
            with record.open("rb") as file:
                start = file.read(40)
            if not start or SPIED.match(start):
                return
    except OSError as error:
        raise LinkError(f"{record}: cannot be opened ({_reason(error)}); name another file") from None
    raise LinkError(f"{record}: is there and no record of a line; name another file")


def _open(frame: bytes) -> bytes | None:
    """What is in a frame; None if it is damaged."""
    try:
        content = cobs.decode(frame)
    except cobs.DecodeError:
        return None
    body, check = content[:-4], content[-4:]
    return body if len(check) == 4 and zlib.crc32(body).to_bytes(4, "little") == check else None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).split("\n")[0]
