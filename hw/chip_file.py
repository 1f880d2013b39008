"""A chip file, read: whatever is wrong with it is said in one line."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from captwin.hw.chip import (
    FORMAT,
    VERSION,
    Analog,
    Chip,
    ChipError,
    Formats,
    Layer,
    Readout,
    Scale,
    sha256,
)
from captwin.hw.dither import Dither
from captwin.hw.encoders import AnyEncoder
from captwin.hw.support.digest import canonical
from captwin.hw.support.documents import DocumentError, first_fault, is_version, parse_json
from captwin.hw.support.names import field_name, printable
from captwin.hw.support.tensors import TensorFileError, read_tensors

_AGAIN = "fetch or make it again"
_Whole = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Layer(_Strict):
    rows: _Whole
    columns: _Whole
    shift: int
    rest: int
    dither: Dither = None  # type: ignore[assignment]  # absent, but never null


class _Gates(_Strict):
    formats: Formats
    encoder: AnyEncoder
    readout: Readout
    image: tuple[_Whole, _Whole]
    layers: list[_Layer]


class _Manifest(_Strict):
    """The JSON text in a chip file's header."""

    format: Literal["captwin-chip"]
    version: Literal[2]
    gates: _Gates
    analog: Analog
    scales: list[Scale]
    provenance: dict[str, Any]
    tensors: dict[str, str]  #: SHA-256 of each array's bytes
    sha256: str


def parse_chip(data: bytes) -> Chip:
    """The chip of a file's content; :class:`ChipError` says what is wrong, without the file's name."""
    try:
        metadata, tensors = read_tensors(data)
    except TensorFileError as error:
        raise ChipError(f"{error}; {_AGAIN}") from None
    if "captwin" not in metadata:
        raise ChipError("no captwin manifest in the header: this is not a chip file")
    manifest = _manifest(metadata["captwin"])
    _check_tensors(manifest, tensors)
    gates = manifest.gates
    if len(gates.layers) != len(manifest.scales):
        raise ChipError(f"scales: {len(manifest.scales)} for {len(gates.layers)} layers; export the chip again")
    layers = []
    for number, (entry, scale) in enumerate(zip(gates.layers, manifest.scales, strict=True)):
        prefix = f"layers.{number}."
        arrays = {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
        values = {"shift": entry.shift, "rest": entry.rest, "scale": scale} | arrays
        if entry.dither:
            values["dither"] = entry.dither
        layers.append(_build(Layer, values, f"layers.{number}"))
        shape = (entry.rows, entry.columns)
        if layers[-1].charges.shape != shape:
            raise ChipError(f"{prefix}charges: expected shape {printable(shape)}, got {layers[-1].charges.shape}")
    values = {"formats": gates.formats, "encoder": gates.encoder, "readout": gates.readout, "image": gates.image}
    values |= {"layers": tuple(layers), "analog": manifest.analog, "provenance": manifest.provenance}
    return _build(Chip, values, "")


def _manifest(text: str) -> _Manifest:
    try:
        values = parse_json(text)
    except DocumentError as error:
        raise ChipError(f"manifest: {error}; {_AGAIN}") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ChipError(f"manifest.format: expected {FORMAT!r}: this is not a chip file")
    if not is_version(values.get("version"), VERSION):
        raise ChipError(
            f"manifest.version: this captwin reads version {VERSION}, the file has {printable(values.get('version'))};"
            " install the captwin that wrote it, or export the chip again"
        )
    stated = values.pop("sha256", None)
    if stated != sha256(canonical(values)):
        raise ChipError(f"manifest: content does not match its SHA-256; the file was altered, {_AGAIN}")
    try:
        # As JSON text, which tells lists and objects from what they stand for; parse_json has seen to its limits.
        return _Manifest.model_validate_json(text)
    except ValidationError as error:
        field, reason = first_fault(error)
        raise ChipError(f"{field or 'manifest'}: {reason}; export the chip again") from None


def _check_tensors(manifest: _Manifest, tensors: dict[str, np.ndarray]) -> None:
    hashes = manifest.tensors
    for name in sorted(set(hashes) ^ set(tensors)):
        raise ChipError(f"{field_name(name)}: {'missing from the file' if name in hashes else 'not in the manifest'}")
    known = {f"layers.{n}.{name}" for n in range(len(manifest.gates.layers)) for name in Layer.array_names()}
    for name in sorted(set(tensors) - known):
        raise ChipError(f"{field_name(name)}: belongs to no layer of the manifest; export the chip again")
    for name, array in tensors.items():
        if sha256(array.tobytes()) != hashes[name]:
            raise ChipError(f"{name}: content does not match its SHA-256; the file was altered, {_AGAIN}")


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    try:
        return kind(**values)
    except ValidationError as error:
        field, reason = first_fault(error)
        raise ChipError(f"{'.'.join(part for part in (where, field) if part)}: {reason}") from None
    except TypeError as error:  # an array that a layer needs is missing
        raise ChipError(f"{where}: {printable(error, 150)}; export the chip again") from None
