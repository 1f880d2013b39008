"""What a device says of itself: the reply to IDENTIFY, as the gates hold it and as the driver reads it.

`docs/protocol.md` lists its keys.
"""

import json
from dataclasses import asdict, field
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from captwin.hw.chip import STEPS_MAX, Chip, Formats
from captwin.hw.encoders import EncoderKind
from captwin.hw.gates.core import Core
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.stores import Contents
from captwin.hw.link.protocol import LOADABLE_VERSION, VERSION, VERSIONS
from captwin.hw.support.documents import DocumentError, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable

#: most bytes of a reply to IDENTIFY
ABOUT_BYTES = 1 << 14
#: most weights that a device may have, all layers together
WEIGHTS = 1 << 22

_STRICT = ConfigDict(strict=True, extra="ignore")
_Size = Annotated[int, Field(ge=1, le=1 << 16)]
_Sizes = Annotated[tuple[_Size, ...], Field(min_length=2, max_length=65)]
_Lanes = Annotated[int, Field(ge=1, le=64)]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@dataclass(frozen=True, config=_STRICT)
class Room:
    """What chips a loadable device has room for: the sizes of its core."""

    sizes: _Sizes  #: pixels, then neurons of each layer: a chip has as many layers, each as large or smaller
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)]  #: most time steps of an inference
    encoder: EncoderKind  #: kind of encoder; a chip must have the same
    formats: Formats  #: bits of numbers; a chip must have the same, but for charge codes, which may be narrower
    shifts: tuple[Annotated[int, Field(ge=1, le=31)], ...]  #: of each layer: its `shift` (`docs/arithmetic.md`)
    pixel_lanes: _Lanes  #: pixels that the core takes in a cycle
    row_banks: tuple[_Lanes, ...]  #: of each layer: row events that it takes in a cycle
    lanes: tuple[_Lanes, ...]  #: of each layer: neurons that it updates in a cycle
    serial: bool  #: whether the core is a serial one, which computes all layers with one multiplier
    tables: Annotated[int, Field(ge=1, le=64)]  #: neuron tables; a chip must have as many
    surfaces: Literal[2, 4] = field(default=2, kw_only=True)  #: of a neuron table; a chip must have as many
    #: whether it has gates for dither, which a chip with dither needs
    dither: bool = field(default=False, kw_only=True)
    #: whether crossbars keep their sums from step to step, so that the core has settings of row changes
    change_events: bool = field(default=False, kw_only=True)
    stores: _Hash  #: hash of the core's stores (:func:`layout`)
    #: bytes of the store that describes the chip; None of devices of protocol 1, whose stores are written differently
    description: Annotated[int, Field(ge=1, le=ABOUT_BYTES)] | None = None

    def __post_init__(self) -> None:
        layers = len(self.sizes) - 1
        if not len(self.shifts) == len(self.row_banks) == len(self.lanes) == layers:
            raise ValueError(f"shifts, row_banks and lanes must have a number for each of {layers} layers")
        if sum(rows * columns for rows, columns in pairwise(self.sizes)) > WEIGHTS:
            raise ValueError(f"a device has {WEIGHTS:,} weights at most")

    @property
    def options(self) -> CoreOptions:
        """Those of a core with this room."""
        return CoreOptions(
            self.pixel_lanes,
            self.row_banks,
            self.lanes,
            loadable=True,
            serial=self.serial,
            change_events=self.change_events,
        )


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class About:
    """What a device says of itself.

    A loadable device that holds no known chip has None for ``build_id``, ``sizes`` and ``steps``.
    """

    protocol: int  #: version of the protocol: one of VERSIONS
    captwin: Annotated[str, Field(max_length=40, pattern=r"^[ -~]*$")]  #: version of Captwin that made the device
    build_id: _Hash | None = None  #: :attr:`Chip.build_id` as 16 hexadecimal digits
    sizes: _Sizes | None = None  #: of the chip: pixels, then neurons of each layer
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] | None = None  #: time steps of an inference
    clock_hz: Annotated[int, Field(ge=1, le=10**11)]  #: clock of the core
    baud: Annotated[int, Field(ge=1, le=10**10)]  #: bits a second on the line
    images: Annotated[int, Field(ge=1, le=255)]  #: images that may be under way at once
    trace: bool = False  #: whether the device answers TRACE
    room: Room | None = None  #: what chips can be loaded; None if none can

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
        """The sizes that images, answers and traces have on the line: those of the room, else of the chip."""
        sizes = self.room.sizes if self.room else self.sizes
        assert sizes is not None
        return sizes

    def text(self, chip: Chip) -> "IdentifyText":
        """The reply to IDENTIFY of this device while it holds ``chip``."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        if not self.trace:
            del fields["trace"]
        if self.room is None:
            return IdentifyText(json.dumps(fields).encode())
        if self.room.surfaces == 2:
            del fields["room"]["surfaces"]
        for name in ("dither", "change_events"):
            if not fields["room"][name]:
                del fields["room"][name]
        for name in ("build_id", "sizes", "steps"):
            del fields[name]
        fixed = json.dumps(fields).encode().removesuffix(b"}")
        own = bytes(chip_store(chip, self.room).words)
        # With its brace the chip has a power of two of bytes, and begins at a multiple of that: its address is a slice.
        return IdentifyText(fixed.ljust(-(-len(fixed) // (len(own) + 1)) * (len(own) + 1)), own)

    @classmethod
    def read(cls, text: bytes) -> "About":
        """Reads a reply to IDENTIFY, checking every field; :class:`CaptwinError` says in one line what is wrong."""
        if len(text) > ABOUT_BYTES:
            raise CaptwinError("does not say what it is; see that it is a Captwin board")
        try:
            fields = parse_json(text)
        except DocumentError:
            raise CaptwinError("does not say what it is; see that it is a Captwin board") from None
        protocol = fields.get("protocol") if isinstance(fields, dict) else None
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


@dataclass(frozen=True)
class IdentifyText:
    """The reply to IDENTIFY as the gates hold it.

    A core that cannot be loaded replies with ``fixed``, and ``chip`` is empty. A loadable one replies with ``fixed``,
    ``chip`` and a closing brace; loading another chip overwrites ``chip``.
    """

    fixed: bytes
    chip: bytes = b""

    @property
    def whole(self) -> bytes:
        """All bytes of the reply."""
        return self.fixed + self.chip + (b"}" if self.chip else b"")


def chip_store(chip: Chip, room: Room) -> Contents:
    """The store that describes ``chip`` in the reply to IDENTIFY: one byte a word, filled up with spaces."""
    text = _described(f"{chip.build_id:016x}", chip.sizes, chip.encoder.steps)
    return Contents("chip", 8, text.encode().ljust(room.description or 0))


def about_core(core: Core, clock_hz: float, baud: float) -> About:
    """What a device with ``core`` says of itself; its clock is rounded to Hz, its line to bits a second."""
    chip, loadable = core.chip, core.options.loadable
    return About(
        protocol=LOADABLE_VERSION if loadable else VERSION,
        captwin=version("captwin"),
        build_id=f"{chip.build_id:016x}",
        sizes=chip.sizes,
        steps=chip.encoder.steps,
        clock_hz=round(clock_hz),
        baud=round(baud),
        images=core.in_flight,
        trace=core.options.trace,
        room=room_of(core) if loadable else None,
    )


def room_of(core: Core) -> Room:
    """What chips ``core``, a loadable one, has room for."""
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
        surfaces=4 if chip.by_outcome else 2,
        dither=chip.dithered,
        change_events=options.change_events,
        stores=layout(core),
        # One less than a power of two, since a closing brace follows. A smaller chip's description is not longer.
        description=(1 << len(_described("f" * 16, chip.sizes, STEPS_MAX)).bit_length()) - 1,
    )


def _described(build_id: str, sizes: tuple[int, ...], steps: int) -> str:
    return ", " + json.dumps({"build_id": build_id, "sizes": list(sizes), "steps": steps})[1:-1]


def layout(core: Core) -> str:
    """A hash of names, widths and depths of the stores of ``core``: where it is equal, store numbers mean the same."""
    stores = [(entry.name, entry.width, len(entry.words)) for entry in core.contents]
    return sha256(json.dumps(stores).encode()).hexdigest()[:16]
