"""What `docs/protocol.md` says of a device, as a model of a few lines: the status of each request."""

import struct
import zlib
from dataclasses import dataclass, field

from captwin.hw.chip import Chip
from captwin.hw.gates.stores import Contents
from captwin.hw.link.protocol import ABOUT, PROOF, WRITE_HEAD, Command, Status

PLAIN = (Command.IDENTIFY, Command.COUNTERS, Command.RESET)


@dataclass
class Model:
    """A device whose core has ``pixels``; one that can be loaded has ``stores``, the last being that of the chip."""

    pixels: int
    traces: bool
    chip: Chip | None
    stores: list[Contents] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.stores:
            settings = next(entry for entry in self.stores if entry.name == "encoder.settings")
            self._most = self._last_step = settings.words[0] & 0xFF
        self._restart()

    def _restart(self) -> None:
        """Nothing has been written yet."""
        self._due, self._in_order, self._written = (0, 0), True, b""

    @property
    def digest(self) -> bytes:
        """That with which PROVE may do."""
        return zlib.crc32(self._written).to_bytes(PROOF, "little")

    def status(self, command: int, body: bytes) -> int:
        """What the device must reply; the model is then what the device is."""
        if command in (Command.INFER, Command.TRACE) and (command != Command.TRACE or self.traces):
            if len(body) != self.pixels:
                return Status.WRONG_LENGTH
            return Status.OK if self.chip else Status.NO_CHIP
        if command == Command.LOOPBACK:
            return Status.OK
        if command in PLAIN:
            if body:
                return Status.WRONG_LENGTH
            if command == Command.RESET:
                self._restart()
            return Status.OK
        if self.stores and command == Command.WRITE:
            return self._write(body)
        if self.stores and command == Command.PROVE:
            return self._prove(body)
        return Status.UNKNOWN_COMMAND

    def _write(self, body: bytes) -> int:
        if len(body) <= WRITE_HEAD:
            return Status.WRONG_LENGTH
        store, address, width = struct.unpack("<HHB", body[:WRITE_HEAD])
        words = body[WRITE_HEAD:]
        number = len(self.stores) - 1 if store == ABOUT else store
        if store != ABOUT and store >= len(self.stores) - 1:
            return Status.NO_STORE
        entry = self.stores[number]
        if width != entry.word_bytes or address + len(words) // width > len(entry.words):
            return Status.NO_STORE
        if len(words) % width:
            return Status.WRONG_LENGTH
        if entry.name.endswith("settings"):
            first = entry.name == "encoder.settings"
            if words[0] > self._most or not (first or words[0] == self._last_step):
                return Status.OUT_OF_RANGE
            if first:
                self._last_step = words[0]
        self.chip = None
        end = address + len(words) // width
        self._in_order &= self._due == (number, address)
        self._due = (number + 1, 0) if end == len(entry.words) else (number, end)
        self._written += words
        return Status.OK

    def _prove(self, body: bytes) -> int:
        """Who proves says what chip it is: see :meth:`proved`."""
        if len(body) != PROOF:
            return Status.WRONG_LENGTH
        complete = self._in_order and self._due == (len(self.stores), 0) and body == self.digest
        self._restart()
        return Status.OK if complete or self.chip else Status.NOT_PROVED
