"""The host's end of the link: a device, which is a board or a virtual one, as a Python object.

    with Device("/dev/ttyUSB0") as device:
        for answer in device.infer(images):
            print(answer.label, answer.counts)

`docs/protocol.md` describes the bytes on the line.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from captwin.boards.catalogue import host_bauds
from captwin.boards.host.answer import Answer, Counters
from captwin.boards.host.line import TRIES, Line, LinkError, RefusedError, Request
from captwin.boards.host.loading import contents, digest, requests
from captwin.boards.host.trace import LayerTrace, TraceReader
from captwin.hw.chip import Chip
from captwin.hw.gates.stores import Contents
from captwin.hw.link import protocol
from captwin.hw.link.about import About, Room, chip_store
from captwin.hw.link.protocol import Command, Status
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent

#: build id of a device that holds no known chip
NO_CHIP = 0
#: times that a load is tried until the device proves that it holds what was sent
LOADS = 3
#: replies to a TRACE that may be repetitions
REPEATED = 64


class Device:
    """A device on serial port ``port``: a path, or a name that pyserial knows.

    Without ``baud`` (bits a second), the rates of all boards are tried. ``patience_s``, ``record``, ``first_tag`` are
    those of :class:`Line`. :class:`LinkError` is raised, here and by all methods, if the port cannot be opened or goes
    away, if no reply comes, if the device refuses a request, or if it speaks another version of the protocol.

    ``about`` is what the device says of itself.

    >>> with captwin.Device("/dev/ttyUSB1") as device:
    ...     print(device.sizes)
    (64, 10)
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int | None = None,
        patience_s: float | None = None,
        record: Path | None = None,
        first_tag: int | None = None,
    ) -> None:
        self.port = port
        rates = (baud,) if baud else 2 * host_bauds()
        for rate in rates:
            self._line = Line(port, rate, patience_s=patience_s, record=record, first_tag=first_tag)
            try:
                identify = self._ask(Command.IDENTIFY, tries=TRIES if baud else 1)
                break
            except LinkError:
                self._line.close()
                if baud:
                    raise
            except BaseException:
                self._line.close()
                raise
        else:
            tried = ", ".join(map(str, host_bauds()))
            raise LinkError(
                f"{port}: no answer at {tried} baud; see that the board is on and holds a Captwin bitstream"
            )
        try:
            self.about = self._identity(identify)
        except BaseException:
            self._line.close()
            raise

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the port; nothing else may be asked then."""
        self._line.close()

    @property
    def build_id(self) -> int:
        """:attr:`Chip.build_id` of the chip in the device; NO_CHIP if no known chip is in it."""
        return int(self.about.build_id or "0", 16)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels of the chip in the device, then neurons of each layer; :class:`CaptwinError` if no chip is known."""
        self.require_chip()
        return self.about.sizes or ()

    def require_chip(self, name: str = "CHIP") -> None:
        """Raises :class:`CaptwinError` if the device holds no known chip; the message tells how to load ``name``."""
        if self.build_id == NO_CHIP:
            raise CaptwinError(
                f"{self.port}: the device holds no known chip, as after a load that was interrupted; "
                f"load one: captwin load {name} --port {self.port}"
            )

    @property
    def room(self) -> Room | None:
        """What chips the device has room for; None if it cannot be loaded."""
        return self.about.room

    @property
    def traces(self) -> bool:
        """Whether the device was built with traces."""
        return self.about.trace

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        return self._line.sent

    def infer(self, images: Iterable[np.ndarray]) -> Iterator[Answer]:
        """Runs (pixels,) uint8 images, as many at once as the device takes; answers come in the order of the images.

        ValueError if an image has another shape or type.
        """
        return (self._answer(body) for body in self._ask_all(Command.INFER, self._images(images)))

    def _images(self, images: Iterable[np.ndarray]) -> Iterator[bytes]:
        for image in images:
            if image.shape != self.sizes[:1] or image.dtype != np.uint8:
                raise ValueError(f"an image must be ({self.sizes[0]},) uint8, got {image.shape} {image.dtype}")
            yield image.tobytes().ljust(self.about.line_sizes[0], b"\0")

    def trace(self, image: np.ndarray) -> tuple[Answer, tuple[LayerTrace, ...]]:
        """Runs one (pixels,) uint8 image; returns the answer, and all that each layer did.

        The device is reset first. :class:`CaptwinError` if it was not built with traces; ValueError if the image has
        another shape or type.
        """
        if not self.traces:
            raise CaptwinError(f"{self.port}: the device cannot trace; build its bitstream with --trace")
        (body,) = self._images([image])
        for _ in range(TRIES):
            self.reset()  # images still under way would be traced, too
            words = TraceReader(self.about.line_sizes[1:], self.about.steps or 0)
            answer, repeated = None, 0
            for command, reply in self._line.replies(self._line.send(Command.TRACE, body)):
                before = words.count
                if command == Command.INFER | protocol.REPLY:
                    answer = self._answer(reply)
                elif command == Command.TRACE | protocol.REPLY and not words.add(reply):
                    break
                repeated += words.count == before
                if repeated > REPEATED:
                    break
                if answer is not None and words.complete:
                    return answer, words.layers(self.sizes[1:])
        raise LinkError(f"{self.port}: no whole trace came; see that the line is sound")

    def load(self, chip: Chip, progress: Progress = silent) -> None:
        """Loads ``chip``, which stays in the device until the FPGA is configured again.

        ``progress`` is called with how many memories are written. :class:`CaptwinError` if the
        device has no room for the chip; the previous chip stays then. A device whose load is interrupted holds no
        known chip.
        """
        if self.room is None:
            raise CaptwinError(f"{self.port}: the device cannot be loaded; build its bitstream with --loadable")
        if self.room.description is None:
            raise CaptwinError(f"{self.port}: the device is loaded in an older way; build its bitstream again")
        try:
            stores = dict(enumerate(contents(chip, self.room)))
        except CaptwinError as error:
            raise CaptwinError(f"{self.port}: {error}") from None
        stores[protocol.ABOUT] = chip_store(chip, self.room)
        for _ in range(LOADS):
            self.reset()
            for written, (number, entry) in enumerate(stores.items(), 1):
                self._write(number, entry)
                progress("memories written", written, len(stores))
            if self._prove(list(stores.values())):
                break
        else:
            raise LinkError(
                f"{self.port}: what the device holds is not what was sent, {LOADS} times; see that the line is sound, "
                "and load the chip again"
            )
        self.reset()
        self.about = self._identity(self._ask(Command.IDENTIFY))
        if self.build_id != chip.build_id:
            raise LinkError(f"{self.port}: the device does not name the chip that it was loaded with; load it again")

    def _write(self, number: int, entry: Contents) -> None:
        bodies = requests(number, entry, max(self.about.line_sizes[0], protocol.LEAST_BODY))
        for _ in self._ask_all(Command.WRITE, bodies):
            pass

    def _prove(self, stores: list[Contents]) -> bool:
        """Whether the device proves that it holds all of ``stores`` as they were sent."""
        try:
            self._ask(Command.PROVE, digest(stores))
        except RefusedError as error:
            if error.status != Status.NOT_PROVED:
                raise
            return False
        return True

    def counters(self) -> Counters:
        """What the device has counted since its latest reset."""
        try:
            return Counters.read(self._ask(Command.COUNTERS), len(self.about.line_sizes) - 1)
        except ValueError as error:
            raise LinkError(f"{self.port}: {error}") from None

    def reset(self) -> None:
        """Resets the core: images under way get no answer, counters begin at 0."""
        self._ask(Command.RESET)

    def loopback(self, data: bytes) -> bytes:
        """Sends ``data`` to the device and back: at most as many bytes as an image, or LEAST_BODY."""
        return self._ask(Command.LOOPBACK, data)

    def _identity(self, text: bytes) -> About:
        """What the device says of itself."""
        try:
            return About.read(text)
        except CaptwinError as error:
            raise LinkError(f"{self.port}: {error}") from None

    def _ask(self, command: Command, body: bytes = b"", tries: int = TRIES) -> bytes:
        request = self._line.send(command, body)
        return self._line.reply(request, [request], tries)

    def _ask_all(self, command: Command, bodies: Iterable[bytes]) -> Iterator[bytes]:
        """Sends a request for each of ``bodies``, as many at once as the device takes; their replies in order."""
        waiting: deque[Request] = deque()

        def first() -> bytes:
            body = self._line.reply(waiting[0], waiting)
            waiting.popleft()
            return body

        for body in bodies:
            if len(waiting) == self.about.images:
                yield first()
            waiting.append(self._line.send(command, body))
        while waiting:
            yield first()

    def _answer(self, body: bytes) -> Answer:
        try:
            return Answer.read(body, self.sizes[-1], self.about.line_sizes)
        except ValueError as error:
            raise LinkError(f"{self.port}: {error}") from None
