"""What a chip is: the contract between training, the models and the gates, and its one file.

A chip file is a ``.safetensors`` file whose header holds one metadata entry, ``captwin``: a JSON manifest.
``docs/arithmetic.md`` describes both well enough to read them without this module.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from safetensors.numpy import save as save_tensors

from captwin.hw.code_axis import CodeAxis
from captwin.hw.dither import Dither, amplitude_bits
from captwin.hw.encoders import AnyEncoder
from captwin.hw.encoders.encoder import PIXEL_BITS as PIXEL_BITS  # also part of what a chip is
from captwin.hw.encoders.encoder import PIXEL_MAX as PIXEL_MAX
from captwin.hw.encoders.encoder import STEP_BITS as STEP_BITS
from captwin.hw.encoders.encoder import STEPS_MAX as STEPS_MAX
from captwin.hw.periphery import Periphery
from captwin.hw.quantities import FARADS, JOULES, LEAST_SPAN, RANGES, VOLTS, fault
from captwin.hw.support.digest import canonical
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes, write_atomically
from captwin.hw.support.names import check_name, printable

FORMAT = "captwin-chip"
VERSION = 2
#: bytes of the largest chip file
FILE_LIMIT = 1 << 28

_STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


class ChipError(CaptwinError):
    """A chip, or a chip file, breaks the contract; the message names the field."""


@dataclass(frozen=True, config=_STRICT)
class Formats:
    """Number formats, common to all layers of a chip (widths in bits)."""

    charge_bits: Annotated[int, Field(ge=4, le=10)] = 5
    drive_bits: Annotated[int, Field(ge=8, le=14)] = 10
    membrane_bits: Annotated[int, Field(ge=10, le=16)] = 12
    #: fu: low bits of the drive between two knots of the tables; 1 to 8 interval bits remain above them
    drive_fraction: Annotated[int, Field(ge=1, le=13)] = 5
    #: fv: the same for the membrane
    membrane_fraction: Annotated[int, Field(ge=1, le=15)] = 7

    def __post_init__(self) -> None:
        for axis in ("drive", "membrane"):
            intervals = getattr(self, f"{axis}_bits") - getattr(self, f"{axis}_fraction")
            if not 1 <= intervals <= 8:
                raise ValueError(f"{axis}_bits - {axis}_fraction must be 1 to 8, got {intervals}")

    @property
    def drive_max(self) -> int:
        return (1 << self.drive_bits) - 1

    @property
    def membrane_max(self) -> int:
        return (1 << self.membrane_bits) - 1

    @property
    def drive_knots(self) -> int:
        """Number of knots along u, both ends included."""
        return (1 << (self.drive_bits - self.drive_fraction)) + 1

    @property
    def membrane_knots(self) -> int:
        """Number of knots along v, both ends included."""
        return (1 << (self.membrane_bits - self.membrane_fraction)) + 1

    def accumulator_bits(self, rows: int) -> int:
        """Width of the signed accumulator that ``rows`` charge codes can never overflow."""
        return self.charge_bits + (rows - 1).bit_length()

    def offset_limit(self, shift: int) -> int:
        """|h| stays below this; the offset is a signed number of ``drive_bits + shift + 2`` bits."""
        return 1 << (self.drive_bits + shift + 1)


GAIN_BITS = 18


Readout = Literal["most_spikes", "first_spike"]


@dataclass(frozen=True, config=_STRICT)
class Scale:
    """What the codes of a layer mean in volts: code c stands for ``min + c * (max - min) / 2**bits``.

    :meth:`membranes` and :meth:`drives` convert them.
    """

    v_min: float
    v_max: float
    u_min: float
    u_max: float

    def __post_init__(self) -> None:
        for axis in ("v", "u"):
            low, high = getattr(self, f"{axis}_min"), getattr(self, f"{axis}_max")
            if not (VOLTS.least <= low <= high - LEAST_SPAN and high <= VOLTS.greatest):
                raise ValueError(
                    f"{axis}_min < {axis}_max must hold, {LEAST_SPAN:g} V apart or more and within {VOLTS.least:g} to"
                    f" {VOLTS.greatest:g} V, got {low:g} and {high:g}"
                )

    def membranes(self, formats: Formats) -> CodeAxis:
        """What membrane codes stand for."""
        return CodeAxis(self.v_min, self.v_max, 1 << formats.membrane_bits)

    def drives(self, formats: Formats) -> CodeAxis:
        """What drive codes stand for."""
        return CodeAxis(self.u_min, self.u_max, 1 << formats.drive_bits)


@dataclass(frozen=True, config=_STRICT)
class Analog:
    """The analog chip behind the codes: what circuit, under what conditions, and what its energy is reckoned from.

    Numbers lie in the ranges of :mod:`captwin.hw.quantities`. Raises :class:`ChipError` if one does not, or if
    circuit or corner is no plain name.
    """

    circuit: str
    corner: str
    temperature: float  #: deg C
    table_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  #: of the neuron table, its date left out
    supply: float  #: V
    v_read: float  #: V, swing of the row lines
    c_membrane: float  #: F
    row_wire: float = 0.4e-15  #: F of one row line a column that it crosses, unless row_wires tell
    clock_wire: float = 10e-15  #: F of all clock lines together a neuron
    periphery: Periphery | None = None  #: drivers and references as measured; None where they are assumed
    row_wires: tuple[float, ...] | None = None  #: row_wire of each layer; None where it is the same in all

    def in_layer(self, number: int) -> "Analog":
        """The same for the layer ``number`` alone: ``row_wire`` is its own."""
        return self if self.row_wires is None else replace(self, row_wire=self.row_wires[number], row_wires=None)

    def __post_init__(self) -> None:
        try:
            for name in ("circuit", "corner"):
                check_name(getattr(self, name), f"analog.{name}")
        except CaptwinError as error:
            raise ChipError(str(error)) from None
        for entry in fields(self):
            if entry.name in RANGES and (wrong := fault(entry.name, getattr(self, entry.name))):
                raise ChipError(f"analog.{entry.name}: {wrong}")
        for farads in self.row_wires or ():
            if wrong := fault("row_wire", farads):
                raise ChipError(f"analog.row_wires: {wrong}")


def _array(dtype: str, unit: str) -> Any:
    return field(metadata={"dtype": dtype, "unit": unit})


@dataclass(frozen=True, eq=False, config=_STRICT)
class Layer:
    """One crossbar and its neurons. Arrays are read-only; KV, KU are the numbers of knots along v and u."""

    shift: Annotated[int, Field(ge=1, le=31)]
    rest: Annotated[int, Field(ge=0)]
    scale: Scale
    charges: np.ndarray = _array("int16", "code")
    gains: np.ndarray = _array("uint32", "code")
    offsets: np.ndarray = _array("int64", "code")
    threshold_offsets: np.ndarray = _array("int32", "code")
    #: membrane after a cycle: (2, KV, KU) by the spike of the cycle before, or (2, 2, KV, KU) by that, then by its own
    surfaces: np.ndarray = _array("uint16", "code")
    thresholds: np.ndarray = _array("uint16", "code")
    #: capacitances of the memcapacitor pairs, (rows, columns)
    c_plus: np.ndarray = _array("float32", "F")
    c_minus: np.ndarray = _array("float32", "F")
    #: the pair of each column that is driven in every cycle and makes its bias, (2, columns)
    c_bias: np.ndarray = _array("float32", "F")
    #: all that hangs on each column wire: pairs, bias pair, ballast and parasitics, (columns,)
    c_column: np.ndarray = _array("float32", "F")
    #: energy a neuron draws in a cycle at the knots (v, u), (2, KV, KU); absent where it was not characterised
    energy: np.ndarray | None = field(default=None, metadata={"dtype": "float32", "unit": "J"})
    #: what is added to the drives in each time step, as noise is; None if nothing is, and then no file has the field
    dither: Dither | None = None

    @property
    def rows(self) -> int:
        return int(self.charges.shape[0])

    @property
    def columns(self) -> int:
        return int(self.charges.shape[1])

    @property
    def by_outcome(self) -> bool:
        """Whether a cycle that ends with a spike has another surface than one that does not: four surfaces, not two."""
        return self.surfaces.ndim == 4

    @classmethod
    def array_names(cls) -> tuple[str, ...]:
        """Names of all array fields."""
        return tuple(entry.name for entry in fields(cls) if "dtype" in entry.metadata)

    def arrays(self) -> Iterator[tuple[str, str, np.ndarray | None]]:
        """(name, dtype, array) of every array field."""
        for entry in fields(self):
            if "dtype" in entry.metadata:
                yield entry.name, entry.metadata["dtype"], getattr(self, entry.name)

    def check(self, formats: Formats, where: str) -> None:
        """Raises :class:`ChipError` unless every array has the shape, type and range that ``formats`` asks for."""
        if np.ndim(self.charges) != 2 or 0 in self.charges.shape:
            raise ChipError(f"{where}.charges: expected a (rows, columns) array, got shape {np.shape(self.charges)}")
        rows, columns = self.charges.shape
        surface = (2, formats.membrane_knots, formats.drive_knots)
        drives = 1 << formats.drive_bits
        half = 1 << (formats.charge_bits - 1)
        offsets = formats.offset_limit(self.shift)
        expected: dict[str, tuple[tuple[int, ...], float, float]] = {
            "charges": ((rows, columns), -half, half - 1),
            "gains": ((columns,), 0, (1 << GAIN_BITS) - 1),
            "offsets": ((columns,), 1 - offsets, offsets - 1),
            "threshold_offsets": ((columns,), 1 - drives, drives - 1),
            "surfaces": ((2, *surface) if np.ndim(self.surfaces) == 4 else surface, 0, formats.membrane_max),
            "thresholds": (surface[:2], 0, drives),
            "c_plus": ((rows, columns), FARADS.least, FARADS.greatest),
            "c_minus": ((rows, columns), FARADS.least, FARADS.greatest),
            "c_bias": ((2, columns), FARADS.least, FARADS.greatest),
            "c_column": ((columns,), RANGES["c_column"].least, RANGES["c_column"].greatest),
            "energy": (surface, JOULES.least, JOULES.greatest),
        }
        for name, dtype, array in self.arrays():
            if array is None:
                continue
            shape, low, high = expected[name]
            if str(array.dtype) != dtype:
                raise ChipError(f"{where}.{name}: expected dtype {dtype}, got {array.dtype}")
            if array.shape != shape:
                raise ChipError(f"{where}.{name}: expected shape {shape}, got {array.shape}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ChipError(f"{where}.{name}: holds NaN or infinity")
            if array.min() < low or array.max() > high:
                raise ChipError(
                    f"{where}.{name}: values must lie in {low} to {high}, found {array.min()} to {array.max()}"
                )
        if self.dither and self.dither.amplitude >> (bits := amplitude_bits(formats.drive_bits, self.shift)):
            raise ChipError(f"{where}.dither: its amplitude must be below 2^{bits}, got {self.dither.amplitude}")
        if self.rest > formats.membrane_max:
            raise ChipError(f"{where}.rest: must be at most {formats.membrane_max}, got {self.rest}")


@dataclass(frozen=True, eq=False, config=_STRICT)
class Chip:
    """A trained chip. ``image`` is (height, width); pixels enter in raster order as the first layer's rows."""

    formats: Formats
    encoder: AnyEncoder
    readout: Readout
    image: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    layers: tuple[Layer, ...]
    analog: Analog
    #: how the chip came to be: seed, data and circuit hashes, versions, accuracies measured; JSON values only, nested 8
    #: deep at most, texts printable and of at most 1,000 characters, and 65,536 bytes of JSON in all
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.layers:
            raise ChipError("layers: a chip needs at least one layer")
        check_provenance(self.provenance)
        wires = self.analog.row_wires
        if wires is not None and len(wires) != len(self.layers):
            raise ChipError(f"analog.row_wires: {len(wires)} for {len(self.layers)} layers; export the chip again")
        rows = self.pixels
        for number, layer in enumerate(self.layers):
            layer.check(self.formats, f"layers.{number}")
            if layer.rows != rows:
                raise ChipError(f"layers.{number}.charges: {layer.rows} rows, but {rows} inputs arrive there")
            if layer.by_outcome != self.by_outcome:
                raise ChipError(
                    f"layers.{number}.surfaces: four surfaces in one layer and two in another; give all four"
                )
            if (layer.dither is None) == self.dithered:
                raise ChipError(f"layers.{number}.dither: one layer has dither and another has none; give it to all")
            rows = layer.columns
            for _, _, array in layer.arrays():
                if array is not None:
                    array.setflags(write=False)

    @property
    def pixels(self) -> int:
        return self.image[0] * self.image[1]

    @property
    def classes(self) -> int:
        return self.layers[-1].columns

    @property
    def by_outcome(self) -> bool:
        """Whether the layers have four surfaces, not two (:attr:`Layer.by_outcome`); all of them have as many."""
        return self.layers[0].by_outcome

    @property
    def dithered(self) -> bool:
        """Whether the layers have dither; all have, or none."""
        return self.layers[0].dither is not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, then neurons of each layer: (784, 128, 10)."""
        return (self.pixels, *(layer.columns for layer in self.layers))

    @cached_property
    def build_id(self) -> int:
        """64 bits that change whenever anything changes that the gates depend on."""
        digest = hashlib.sha256(canonical(_manifest(self)["gates"]))
        for layer in self.layers:
            for name in _GATE_ARRAYS:
                digest.update(getattr(layer, name).tobytes())
        return int.from_bytes(digest.digest()[:8], "big")

    def save(self, path: Path | str) -> None:
        """Writes the chip file; the same chip gives the same bytes."""
        manifest = _manifest(self)
        tensors = {name: np.ascontiguousarray(array) for name, array in _tensors(self)}
        manifest["tensors"] = {name: sha256(array.tobytes()) for name, array in tensors.items()}
        manifest["sha256"] = sha256(canonical(manifest))
        write_atomically(Path(path), save_tensors(tensors, {"captwin": canonical(manifest).decode()}))

    @classmethod
    def load(cls, path: Path | str) -> "Chip":
        """Reads and checks a chip file; :class:`ChipError` says which file and field is wrong."""
        from captwin.hw.chip_file import parse_chip

        try:
            return parse_chip(read_bytes(Path(path), "chip file", FILE_LIMIT))
        except ChipError as error:
            raise ChipError(f"{path}: {error}") from None


#: Limits of a chip's provenance: nesting, characters of a text, bytes of JSON.
PROVENANCE_NESTING, PROVENANCE_TEXT, PROVENANCE_BYTES = 8, 1000, 1 << 16
#: The arrays that the gates are built from, in the order in which ``build_id`` hashes them.
_GATE_ARRAYS = ("charges", "gains", "offsets", "threshold_offsets", "surfaces", "thresholds")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_provenance(provenance: dict[str, Any]) -> None:
    """:class:`ChipError` unless ``provenance`` holds JSON values alone, within the limits that :class:`Chip` states."""
    level: list[Any] = [provenance]
    for _ in range(PROVENANCE_NESTING + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value, *value.values()]
            elif isinstance(value, list | tuple):
                inner += value
            elif isinstance(value, str):
                if len(value) > PROVENANCE_TEXT or not value.isprintable():
                    raise ChipError(
                        f"provenance: expected printable texts of at most {PROVENANCE_TEXT:,} characters,"
                        f" got {printable(value)}"
                    )
            elif not (value is None or isinstance(value, bool | int | float)):
                raise ChipError(f"provenance: expected JSON values, got a {type(value).__name__}")
        level = inner
    if level:
        raise ChipError(f"provenance: nested deeper than {PROVENANCE_NESTING}")
    try:
        size = len(canonical(provenance))
    except (ValueError, TypeError) as error:
        raise ChipError(f"provenance: not JSON ({error})") from None
    if size > PROVENANCE_BYTES:
        raise ChipError(f"provenance: {size:,} bytes of JSON, at most {PROVENANCE_BYTES:,} are allowed")


def _tensors(chip: Chip) -> Iterator[tuple[str, np.ndarray]]:
    for number, layer in enumerate(chip.layers):
        for name, _, array in layer.arrays():
            if array is not None:
                yield f"layers.{number}.{name}", array


def _manifest(chip: Chip) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "gates": {
            "formats": _plain(chip.formats),
            "encoder": _plain(chip.encoder),
            "readout": chip.readout,
            "image": list(chip.image),
            "layers": [
                {"rows": layer.rows, "columns": layer.columns, "shift": layer.shift, "rest": layer.rest}
                | ({"dither": _plain(layer.dither)} if layer.dither else {})
                for layer in chip.layers
            ],
        },
        "analog": plain_analog(chip.analog),
        "scales": [_plain(layer.scale) for layer in chip.layers],
        "provenance": chip.provenance,
    }


def plain_analog(analog: Analog) -> dict[str, Any]:
    """``analog`` as JSON values, without what it does not have."""
    values = {name: value for name, value in _plain(analog).items() if value is not None}
    if analog.periphery is not None:
        values["periphery"] = asdict(analog.periphery)
    if analog.row_wires is not None:
        values["row_wires"] = list(analog.row_wires)
    return values


def _plain(instance: Any) -> dict[str, Any]:
    return {entry.name: getattr(instance, entry.name) for entry in fields(instance)}
