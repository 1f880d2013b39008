"""What a chip is: the contract between training, the models and the gates, and its one file.

A chip file is a ``.safetensors`` file whose header holds one metadata entry, ``captwin``: a JSON manifest.
``docs/arithmetic.md`` describes both well enough to read them without this module.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import field, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from hw.support.errors import CaptwinError
from hw.support.files import read_bytes, write_atomically

FORMAT = "captwin-chip"
VERSION = 2
PIXEL_BITS = 8
PIXEL_MAX = (1 << PIXEL_BITS) - 1
STEP_BITS = 8
STEPS_MAX = (1 << STEP_BITS) - 1
#: Recurrence of the `bernoulli` encoder: b[n+32] is the XOR of b[n+q] for q in this tuple (a maximal-length LFSR).
LFSR_TAPS = (0, 1, 2, 22)
LFSR_BITS = 32

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


@dataclass(frozen=True, config=_STRICT)
class Encoder:
    """Turns pixels into spikes; ``docs/arithmetic.md`` has the formulas."""

    kind: Literal["rate", "bernoulli", "latency"] = "rate"
    #: time steps of one inference
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] = 8
    #: start of the `rate` phase accumulator, in pixel codes
    phase: Annotated[int, Field(ge=0, le=PIXEL_MAX)] = 128
    #: first LFSR state of `bernoulli`
    seed: Annotated[int, Field(ge=1, lt=1 << LFSR_BITS)] = 1


Readout = Literal["most_spikes", "first_spike"]


@dataclass(frozen=True, config=_STRICT)
class Scale:
    """What the codes of a layer mean in volts: code c stands for ``min + c * (max - min) / 2**bits``."""

    v_min: float
    v_max: float
    u_min: float
    u_max: float

    def __post_init__(self) -> None:
        for axis in ("v", "u"):
            low, high = getattr(self, f"{axis}_min"), getattr(self, f"{axis}_max")
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise ValueError(f"{axis}_min < {axis}_max must hold, got {low} and {high}")


@dataclass(frozen=True, config=_STRICT)
class Analog:
    """The analog chip behind the codes: what circuit, under what conditions, and what its energy is reckoned from."""

    circuit: str
    corner: str
    temperature: float  #: deg C
    table_sha256: str  #: of the neuron table, its date left out
    supply: Annotated[float, Field(gt=0)]  #: V
    v_read: Annotated[float, Field(gt=0)]  #: V, swing of the row lines
    c_membrane: Annotated[float, Field(gt=0)]  #: F
    row_wire: Annotated[float, Field(ge=0)] = 0.4e-15  #: F of one row line a column that it crosses
    clock_wire: Annotated[float, Field(ge=0)] = 10e-15  #: F of all clock lines together a neuron

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, float) and not np.isfinite(value):
                raise ValueError(f"{entry.name} must be a finite number, got {value}")


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

    @property
    def rows(self) -> int:
        return int(self.charges.shape[0])

    @property
    def columns(self) -> int:
        return int(self.charges.shape[1])

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
        infinite = float("inf")
        expected: dict[str, tuple[tuple[int, ...], float, float]] = {
            "charges": ((rows, columns), -half, half - 1),
            "gains": ((columns,), 0, (1 << GAIN_BITS) - 1),
            "offsets": ((columns,), 1 - offsets, offsets - 1),
            "threshold_offsets": ((columns,), 1 - drives, drives - 1),
            "surfaces": (surface, 0, formats.membrane_max),
            "thresholds": (surface[:2], 0, drives),
            "c_plus": ((rows, columns), 0, infinite),
            "c_minus": ((rows, columns), 0, infinite),
            "c_bias": ((2, columns), 0, infinite),
            "c_column": ((columns,), 0, infinite),
            "energy": (surface, -infinite, infinite),
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
        if self.rest > formats.membrane_max:
            raise ChipError(f"{where}.rest: must be at most {formats.membrane_max}, got {self.rest}")


@dataclass(frozen=True, eq=False, config=_STRICT)
class Chip:
    """A trained chip. ``image`` is (height, width); pixels enter in raster order as the first layer's rows."""

    formats: Formats
    encoder: Encoder
    readout: Readout
    image: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    layers: tuple[Layer, ...]
    analog: Analog
    #: how the chip came to be: seed, data and circuit hashes, versions, accuracies measured; JSON values only
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.layers:
            raise ChipError("layers: a chip needs at least one layer")
        rows = self.pixels
        for number, layer in enumerate(self.layers):
            layer.check(self.formats, f"layers.{number}")
            if layer.rows != rows:
                raise ChipError(f"layers.{number}.charges: {layer.rows} rows, but {rows} inputs arrive there")
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
    def sizes(self) -> tuple[int, ...]:
        """Inputs, then neurons of each layer: (784, 128, 10)."""
        return (self.pixels, *(layer.columns for layer in self.layers))

    @cached_property
    def build_id(self) -> int:
        """64 bits that change whenever anything changes that the gates depend on."""
        digest = hashlib.sha256(_canonical(_manifest(self)["gates"]))
        for layer in self.layers:
            for name in _GATE_ARRAYS:
                digest.update(getattr(layer, name).tobytes())
        return int.from_bytes(digest.digest()[:8], "big")

    def save(self, path: Path | str) -> None:
        """Writes the chip file; the same chip gives the same bytes."""
        manifest = _manifest(self)
        tensors = {name: np.ascontiguousarray(array) for name, array in _tensors(self)}
        manifest["tensors"] = {name: _sha256(array.tobytes()) for name, array in tensors.items()}
        manifest["sha256"] = _sha256(_canonical(manifest))
        write_atomically(Path(path), save_tensors(tensors, {"captwin": _canonical(manifest).decode()}))

    @classmethod
    def load(cls, path: Path | str) -> "Chip":
        """Reads and checks a chip file; :class:`ChipError` says which file and field is wrong."""
        try:
            return _parse(read_bytes(Path(path), "chip file"))
        except ChipError as error:
            raise ChipError(f"{path}: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ChipError(
                f"{path}: manifest: lacks or misshapes a field ({error!r}); export the chip again"
            ) from None


_ARRAYS = tuple(entry.name for entry in fields(Layer) if "dtype" in entry.metadata)
#: The arrays that the gates are built from, in the order in which ``build_id`` hashes them.
_GATE_ARRAYS = ("charges", "gains", "offsets", "threshold_offsets", "surfaces", "thresholds")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


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
                for layer in chip.layers
            ],
        },
        "analog": _plain(chip.analog),
        "scales": [_plain(layer.scale) for layer in chip.layers],
        "provenance": chip.provenance,
    }


def _plain(instance: Any) -> dict[str, Any]:
    return {entry.name: getattr(instance, entry.name) for entry in fields(instance)}


def _parse(data: bytes) -> Chip:
    header, tensors = _open(data)
    manifest = _read_manifest(header)
    hashes = manifest["tensors"]
    for name in sorted(set(hashes) ^ set(tensors)):
        raise ChipError(f"{name}: {'missing from the file' if name in hashes else 'not in the manifest'}")
    for name, array in tensors.items():
        if _sha256(array.tobytes()) != hashes[name]:
            raise ChipError(f"{name}: content does not match its SHA-256; the file was altered, fetch or make it again")
    gates = manifest["gates"]
    known = {f"layers.{n}.{name}" for n in range(len(gates["layers"])) for name in _ARRAYS}
    for name in sorted(set(tensors) - known):
        raise ChipError(f"{name}: belongs to no layer of the manifest; export the chip again")
    _only(manifest, {"format", "version", "gates", "analog", "scales", "provenance", "tensors"}, "manifest")
    _only(gates, {"formats", "encoder", "readout", "image", "layers"}, "gates")
    layers = []
    for number, (entry, scale) in enumerate(zip(gates["layers"], manifest["scales"], strict=True)):
        prefix = f"layers.{number}."
        arrays = {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
        scalars = {"shift": entry["shift"], "rest": entry["rest"], "scale": _build(Scale, scale, f"scales.{number}")}
        layers.append(_build(Layer, scalars | arrays, f"layers.{number}"))
        shape = (entry["rows"], entry["columns"])
        if layers[-1].charges.shape != shape:
            raise ChipError(f"{prefix}charges: expected shape {shape}, got {layers[-1].charges.shape}")
    return _build(
        Chip,
        {
            "formats": _build(Formats, gates["formats"], "formats"),
            "encoder": _build(Encoder, gates["encoder"], "encoder"),
            "readout": gates["readout"],
            "image": tuple(gates["image"]),
            "layers": tuple(layers),
            "analog": _build(Analog, manifest["analog"], "analog"),
            "provenance": manifest["provenance"],
        },
        "",
    )


def _only(values: dict[str, Any], known: set[str], where: str) -> None:
    for name in sorted(set(values) - known):
        raise ChipError(f"{where}.{name}: unknown field; export the chip again")


def _open(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    try:
        tensors = load_tensors(data)
        length = int.from_bytes(data[:8], "little")
        return json.loads(data[8 : 8 + length]), tensors
    except (SafetensorError, ValueError, KeyError, RecursionError) as error:
        raise ChipError(f"not a whole safetensors file ({error}); fetch or make it again") from None


def _read_manifest(header: dict[str, Any]) -> dict[str, Any]:
    text = header.get("__metadata__", {}).get("captwin")
    if text is None:
        raise ChipError("no captwin manifest in the header: this is not a chip file")
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChipError(f"manifest: not JSON ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ChipError(f"manifest.format: expected {FORMAT!r}: this is not a chip file")
    if manifest.get("version") != VERSION:
        raise ChipError(
            f"manifest.version: this captwin reads version {VERSION}, the file has {manifest.get('version')!r};"
            " install the captwin that wrote it, or export the chip again"
        )
    stated = manifest.pop("sha256", None)
    if stated != _sha256(_canonical(manifest)):
        raise ChipError("manifest: content does not match its SHA-256; the file was altered, fetch or make it again")
    return manifest


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join([where] * bool(where) + [str(part) for part in first["loc"]])
        raise ChipError(f"{path}: {first['msg']}") from None
