"""The host's end of the link: a board, or a virtual one, as a Python object.

    with Device("/dev/ttyUSB0") as device:
        for answer in device.infer(images):
            print(answer.label, answer.counts)

`docs/protocol.md` has what goes over the line meanwhile.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from captwin.boards.host.line import TRIES, Line, LinkError, RefusedError, Request
from captwin.boards.host.loading import contents, digest, requests
from captwin.boards.host.trace import LayerTrace, TraceReader
from captwin.hw.chip import Chip
from captwin.hw.gates.stores import Contents
from captwin.hw.link import protocol
from captwin.hw.link.about import About, Room, chip_store
from captwin.hw.link.protocol import Command, Status
from captwin.hw.support.errors import CaptwinError

#: baud rates of boards' lines
BAUDS = (3_000_000, 4_000_000, 6_000_000)
#: build id of a device that holds no known chip
NO_CHIP = 0
#: times that a chip is loaded, until it is proved to be what was sent
LOADS = 3
#: replies to TRACE that may come once more
REPEATED = 64


@dataclass(frozen=True)
class Counters:
    """What a device has counted since it was reset; tuples have a number for each layer."""

    cycles: int
    events: tuple[int, ...]
    spikes: tuple[int, ...]
    saturated: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """What a device makes of an image."""

    label: int
    steps: int  #: until the decision
    cycles: int  #: from the first pixel to the result
    counts: tuple[int, ...]  #: output spikes of each class
    membranes: tuple[int, ...]  #: membrane code of each class
    counters: Counters  #: as the answer was sent


class Device:
    """A device on serial port ``port``, a path or a name as pyserial has them.

    Without ``baud`` those that boards have are tried. ``patience_s``, ``record`` and ``first_tag`` are those of
    :class:`Line`. Raises :class:`LinkError` if the port cannot be opened or goes away, if no reply comes,
    or if the device speaks another version of the protocol.
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
        rates = (baud,) if baud else (*BAUDS, *BAUDS)
        for rate in rates:
            self._line = Line(port, rate, patience_s=patience_s, record=record, first_tag=first_tag)
            try:
                said = self._ask(Command.IDENTIFY, tries=TRIES if baud else 1)
                break
            except LinkError:
                self._line.close()
                if baud:
                    raise
            except BaseException:
                self._line.close()
                raise
        else:
            tried = ", ".join(map(str, BAUDS))
            raise LinkError(
                f"{port}: no answer at {tried} baud; see that the board is on and holds a Captwin bitstream"
            )
        try:
            self.about = self._identity(said)
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
        self._line.close()

    @property
    def build_id(self) -> int:
        """:attr:`Chip.build_id` of the chip in the device; NO_CHIP if that is not known."""
        return int(self.about.build_id or "0", 16)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the chip in the device: pixels, then neurons of each layer; :class:`CaptwinError` if none is known."""
        self.require_chip()
        return self.about.sizes or ()

    def require_chip(self, name: str = "CHIP") -> None:
        """:class:`CaptwinError` if the device holds no known chip; it says how to load chip ``name``."""
        if self.build_id == NO_CHIP:
            raise CaptwinError(
                f"{self.port}: the device holds no known chip, as after a load that was interrupted; "
                f"load one: captwin load {name} --port {self.port}"
            )

    @property
    def room(self) -> Room | None:
        """What chips can be loaded; None if none can."""
        return self.about.room

    @property
    def traces(self) -> bool:
        """Whether :meth:`trace` can be asked for."""
        return self.about.trace

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        return self._line.sent

    def infer(self, images: Iterable[np.ndarray]) -> Iterator[Answer]:
        """Runs (pixels,) uint8 images, as many at once as the device takes; answers come in the order of the images."""
        return (self._answer(body) for body in self._ask_all(Command.INFER, self._images(images)))

    def _images(self, images: Iterable[np.ndarray]) -> Iterator[bytes]:
        for image in images:
            if image.shape != self.sizes[:1] or image.dtype != np.uint8:
                raise ValueError(f"an image must be ({self.sizes[0]},) uint8, got {image.shape} {image.dtype}")
            yield image.tobytes().ljust(self.about.line_sizes[0], b"\0")

    def trace(self, image: np.ndarray) -> tuple[Answer, tuple[LayerTrace, ...]]:
        """Runs one (pixels,) uint8 image; the answer, and all that each layer did.

        Raises :class:`CaptwinError` if the device was not built with traces.
        """
        if not self.traces:
            raise CaptwinError(f"{self.port}: the device cannot trace; build its bitstream with --trace")
        (body,) = self._images([image])
        for _ in range(TRIES):
            self.reset()  # what is still under way would be traced, too
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

    def load(self, chip: Chip, progress: Callable[[int, int], None] = lambda written, stores: None) -> None:
        """Makes ``chip`` the one in the device, until it is configured again.

        ``progress`` hears how many of how many stores have been written. Raises :class:`CaptwinError` if the device has
        no room for it; the chip before is in it then. If it is interrupted, the device holds no known chip.
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
                progress(written, len(stores))
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
        """Whether the device has all of ``stores``, as they were sent."""
        try:
            self._ask(Command.PROVE, digest(stores))
        except RefusedError as error:
            if error.status != Status.NOT_PROVED:
                raise
            return False
        return True

    def counters(self) -> Counters:
        """What the device has counted since its latest reset."""
        return self._counters(self._ask(Command.COUNTERS))

    def reset(self) -> None:
        """Resets the core: images under way are forgotten, counters begin at 0."""
        self._ask(Command.RESET)

    def loopback(self, data: bytes) -> bytes:
        """``data``, there and back; it may be as long as an image."""
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
        """Replies to as many requests as there are bodies, as many under way at once as the device takes."""
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
        classes = self.sizes[-1]
        parts = protocol.answer_parts(self.about.line_sizes[-1])
        size = protocol.size(parts)
        numbers = self._unpack(parts, body[:size])
        if numbers["label"][0] >= classes:
            raise LinkError(f"{self.port}: class {numbers['label'][0]} came, the chip has {classes}")
        return Answer(
            label=numbers["label"][0],
            steps=numbers["steps"][0],
            cycles=numbers["cycles"][0],
            counts=numbers["counts"][:classes],
            membranes=numbers["membranes"][:classes],
            counters=self._counters(body[size:]),
        )

    def _counters(self, body: bytes) -> Counters:
        numbers = self._unpack(protocol.counters_parts(len(self.about.line_sizes) - 1), body)
        return Counters(numbers["cycles"][0], numbers["events"], numbers["spikes"], numbers["saturated"])

    def _unpack(self, parts: list[protocol.Part], body: bytes) -> dict[str, tuple[int, ...]]:
        try:
            return protocol.unpack(parts, body)
        except ValueError as error:
            raise LinkError(f"{self.port}: {error}") from None
