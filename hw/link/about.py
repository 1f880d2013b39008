"""What a device says of itself when asked: text that the gates hold and the driver reads (`docs/protocol.md`)."""

import json
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from captwin.hw.chip import STEPS_MAX, Chip, Formats
from captwin.hw.gates.core import Core
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.link.protocol import LOADABLE_VERSION, VERSION, VERSIONS
from captwin.hw.support.documents import DocumentError, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable

#: longest reply to IDENTIFY
ABOUT_BYTES = 1 << 14
#: most weights of any device, all layers together
WEIGHTS = 1 << 22

_STRICT = ConfigDict(strict=True, extra="ignore")
_Size = Annotated[int, Field(ge=1, le=1 << 16)]
_Sizes = Annotated[tuple[_Size, ...], Field(min_length=2, max_length=65)]
_Lanes = Annotated[int, Field(ge=1, le=64)]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, config=_STRICT)
class Room:
    """What a loadable device has room for."""

    sizes: _Sizes
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)]
    encoder: Literal["rate", "bernoulli", "latency"]
    formats: Formats
    shifts: tuple[Annotated[int, Field(ge=1, le=31)], ...]
    pixel_lanes: _Lanes
    row_banks: tuple[_Lanes, ...]
    lanes: tuple[_Lanes, ...]
    serial: bool
    tables: Annotated[int, Field(ge=1, le=64)]
    stores: _Hash
    #: bytes of the store that describes the chip; None of devices of protocol 1
    description: Annotated[int, Field(ge=1, le=ABOUT_BYTES)] | None = None

    def __post_init__(self) -> None:
        layers = len(self.sizes) - 1
        if not len(self.shifts) == len(self.row_banks) == len(self.lanes) == layers:
            raise ValueError(f"shifts, row_banks and lanes must have a number for each of {layers} layers")
        if sum(rows * columns for rows, columns in pairwise(self.sizes)) > WEIGHTS:
            raise ValueError(f"a device has {WEIGHTS:,} weights at most")

    @property
    def options(self) -> CoreOptions:
        return CoreOptions(self.pixel_lanes, self.row_banks, self.lanes, loadable=True, serial=self.serial)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class About:
    """What a device says of itself. A loadable device that holds no known chip names no build id, sizes or steps."""

    protocol: int
    captwin: Annotated[str, Field(max_length=40, pattern=r"^[ -~]*$")]
    build_id: _Hash | None = None
    sizes: _Sizes | None = None
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] | None = None
    clock_hz: Annotated[int, Field(ge=1, le=10**11)]
    baud: Annotated[int, Field(ge=1, le=10**10)]
    images: Annotated[int, Field(ge=1, le=255)]
    trace: bool = False
    room: Room | None = None

    def __post_init__(self) -> None:
        chip = (self.build_id, self.sizes, self.steps)
        if None in chip and (chip != (None, None, None) or self.room is None):
            raise ValueError("build_id, sizes and steps must all be there")
        if self.room is None or self.sizes is None or self.steps is None:
            return
        within = [need <= have for need, have in zip(self.sizes, self.room.sizes, strict=False)]
        if len(self.sizes) != len(self.room.sizes) or not all(within) or self.steps > self.room.steps:
            raise ValueError("the chip must fit the room")

    @property
    def line_sizes(self) -> tuple[int, ...]:
        """The sizes that images, answers and traces have on the line."""
        sizes = self.room.sizes if self.room else self.sizes
        assert sizes is not None
        return sizes

    def text(self) -> bytes:
        """The JSON of a device that cannot be loaded, or all of a loadable one's but its last byte and what
        :func:`description` gives."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        if not self.trace:
            del fields["trace"]
        if self.room is None:
            return json.dumps(fields).encode()
        for name in ("build_id", "sizes", "steps"):
            del fields[name]
        return json.dumps(fields).encode().removesuffix(b"}")

    @classmethod
    def read(cls, text: bytes) -> "About":
        """From a reply to IDENTIFY; :class:`CaptwinError` says in a sentence what is wrong with it."""
        if len(text) > ABOUT_BYTES:
            raise CaptwinError("does not say what it is; see that it is a Captwin board")
        try:
            spoken = parse_json(text)
        except DocumentError:
            raise CaptwinError("does not say what it is; see that it is a Captwin board") from None
        protocol = spoken.get("protocol") if isinstance(spoken, dict) else None
        if type(protocol) is not int or protocol not in VERSIONS:
            raise CaptwinError(
                f"the device speaks protocol {printable(protocol)}, this is {VERSIONS[-1]}; "
                "build its bitstream again, or use the Captwin that built it"
            )
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "what it says of itself"
            raise CaptwinError(
                f"the device describes itself wrongly ({printable(place)}: {first['msg']}); build its bitstream again"
            ) from None


def about(core: Core, clock_hz: float, baud: float) -> About:
    """What a device with ``core`` says of itself."""
    chip, loadable = core.chip, core.options.loadable
    return About(
        protocol=LOADABLE_VERSION if loadable else VERSION,
        captwin=version("captwin"),
        build_id=f"{chip.build_id:016x}",
        sizes=chip.sizes,
        steps=chip.encoder.steps,
        clock_hz=round(clock_hz),
        baud=round(baud),
        images=core.IN_FLIGHT,
        trace=core.options.trace,
        room=room(core) if loadable else None,
    )


def room(core: Core) -> Room:
    """What ``core`` has room for."""
    chip, options, layers = core.chip, core.options, len(core.chip.layers)
    return Room(
        sizes=chip.sizes,
        steps=chip.encoder.steps,
        encoder=chip.encoder.kind,
        formats=chip.formats,
        shifts=tuple(layer.shift for layer in chip.layers),
        pixel_lanes=options.pixel_lanes,
        row_banks=options.each("row_banks", layers),
        lanes=options.each("lanes", layers),
        serial=options.serial,
        tables=layers_of(options).tables(chip),
        stores=layout(core),
        description=(1 << len(_described("f" * 16, chip.sizes, STEPS_MAX)).bit_length()) - 1,
    )


def description(chip: Chip, length: int) -> bytes:
    """What a device says of ``chip`` behind :meth:`About.text`, filled up to ``length`` bytes with spaces."""
    text = _described(f"{chip.build_id:016x}", chip.sizes, chip.encoder.steps)
    return text.encode().ljust(length)


def _described(build_id: str, sizes: tuple[int, ...], steps: int) -> str:
    return ", " + json.dumps({"build_id": build_id, "sizes": list(sizes), "steps": steps})[1:-1]


def layout(core: Core) -> str:
    """A hash of what stores ``core`` has: those who agree in it mean the same by a store's number."""
    stores = [(entry.name, entry.width, len(entry.words)) for entry in core.contents]
    return sha256(json.dumps(stores).encode()).hexdigest()[:16]
