"""Training configurations: TOML files checked field by field."""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from captwin.hw.chip import Formats, Readout
from captwin.hw.encoders import encoder_class, make_encoder
from captwin.hw.encoders.encoder import Encoder
from captwin.hw.support.documents import DocumentError, parse_toml
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import printable
from captwin.sim.devices.mapping import Mapping
from captwin.sim.devices.mapping_kinds import Kind, mapping_kind
from captwin.sim.neurons.circuits import circuit_names
from captwin.sim.neurons.table import NeuronTable

CONFIG_FOLDER = Path(__file__).parent / "configs"
MOST_EPOCHS = 100_000
#: bytes of a configuration file, and characters of what is quoted from one
LARGEST, LONGEST = 1 << 20, 300
#: of one name in a path, in any file system of today
NAME_BYTES = 255


class ConfigError(CaptwinError):
    """A configuration is wrong; the message names the field. ``field`` is set if it was given to :func:`load_config`
    or :func:`train` beside the file: ``encoder.steps``, for instance."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message, self.field = message, field


class Augmentation(BaseModel):
    """Random maps of the training images; 0 leaves one out. The affine ones are drawn evenly from -limit to limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  #: deg
    shift: Annotated[float, Field(ge=0, le=1e3)] = 0.0  #: pixels
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0  #: share of the size
    elastic: Annotated[float, Field(ge=0, le=1e3)] = 0.0  #: pixels, standard deviation of a smooth random displacement

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return bool(self.rotation or self.shift or self.scale or self.elastic)


class Distillation(BaseModel):
    """What a network learns from a teacher, beside the labels; without epochs there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] = 0  #: that the teacher is trained for
    weight: Annotated[float, Field(ge=0, le=1)] = 0.7  #: the teacher's share of the loss
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0  #: by which scores are divided before they are compared


def _from_dict(class_of: Callable[[dict[str, Any]], type]) -> BeforeValidator:
    """Lets a TOML table stand for a strict dataclass, which ``class_of`` tells from the table."""

    def build(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            settings_class = class_of(value)
            known = [entry.name for entry in fields(settings_class)]
            for key in value:
                if key not in known:
                    raise ValueError(f"{key}: unknown field; known are {', '.join(known)}")
            return settings_class(**value)
        except ValidationError as error:
            first = error.errors()[0]
            path = "".join(f"{part}: " for part in first["loc"])
            raise ValueError(path + first["msg"].removeprefix("Value error, ")) from None

    return BeforeValidator(build)


class TrainConfig(BaseModel):
    """Everything that a training run depends on."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    data: Literal["digits", "mnist"]
    #: neurons of each hidden layer
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(max_length=16, strict=False)]
    encoder: Annotated[SerializeAsAny[Encoder], _from_dict(encoder_class)] = make_encoder()
    readout: Readout = "most_spikes"
    formats: Annotated[Formats, _from_dict(lambda _: Formats)] = Formats()

    #: a reference circuit, or the path of a neuron table
    circuit: Annotated[str, Field(min_length=1, max_length=2000)] = "charge_share"
    #: `ideal` trains for the circuit's ideal twin, a perfect leaky integrate-and-fire neuron
    neuron: Literal["circuit", "ideal"] = "circuit"
    mapping: Kind = "one_sided"
    ratio: Annotated[float, Field(gt=1, le=1e4)] = 10.0  #: C_on / C_off
    #: programmable levels of a memcapacitor; 0 trains with unquantised weights and tables read without rounding
    levels: Annotated[int, Field(ge=0)] = 16
    #: share of a column's capacitance that is wire and switches
    parasitic: Annotated[float, Field(ge=0, lt=1)] = 0.1
    #: pairs in a column's bias, as a share of its rows (at least one pair)
    bias_share: Annotated[float, Field(gt=0, le=1)] = 1 / 64
    v_read: Annotated[float | None, Field(gt=0, le=10)] = None  #: V, swing of the row lines, if not the circuit's own

    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] = 20
    batch_size: Annotated[int, Field(ge=1, le=1 << 20)] = 64
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.01  #: at the start; falls to 0 along a cosine
    #: share by which weights shrink a step, times the learning rate; light columns have more signal (docs/circuit.md)
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 1
    #: share of the training images kept aside to choose the best epoch
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    augmentation: Augmentation = Augmentation()
    distillation: Distillation = Distillation()
    #: spreads that training lives with, so that a fabricated chip does: of the memcapacitors, relative ...
    sigma_c: Annotated[float, Field(ge=0, le=1)] = 0.0
    sigma_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0  #: ... and of the neurons' thresholds, V of drive
    #: drive around the threshold over which the spike's surrogate gradient falls to a quarter, in units of the table's
    #: threshold_span
    surrogate_width: Annotated[float, Field(ge=1e-6, le=1e6)] = 0.35
    #: mean output membrane that weighs as much as one output spike in the loss, in units of the rise at which an ideal
    #: neuron fires
    membrane_weight: Annotated[float, Field(ge=1e-6, le=1e6)] = 2.0

    @field_validator("circuit")
    @classmethod
    def _can_be_a_path(cls, circuit: str) -> str:
        if "\0" in circuit or any(len(os.fsencode(part)) > NAME_BYTES for part in Path(circuit).parts):
            raise ValueError("no file can be called so")
        return circuit

    @field_validator("levels")
    @classmethod
    def _fits(cls, levels: int, known: ValidationInfo) -> int:
        if "formats" not in known.data:  # told already
            return levels
        bits = known.data["formats"].charge_bits
        most = 1 << (bits - 1)
        if levels == 1 or levels > most:
            raise ValueError(f"charge_bits = {bits} holds 2 to {most} levels (0: unquantised)")
        return levels

    def mapping_for(self, table: NeuronTable) -> Mapping:
        """How weights become memcapacitors on the circuit of ``table``; unquantised weights are rounded to the finest
        codes only when they become a chip."""
        levels = self.levels or 1 << (self.formats.charge_bits - 1)
        mapping = mapping_kind(self.mapping)
        return mapping(self.ratio, levels, self.parasitic, self.v_read or table.v_read)


def config_names() -> list[str]:
    """Names of the configurations that come with Captwin."""
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.toml"))


def load_config(path_or_name: str | Path, **overrides: Any) -> TrainConfig:
    """The configuration called so, or in the TOML file at that path, with ``overrides`` merged into it.

    An override of a table, such as ``encoder={"steps": 4}``, replaces only the keys it names. The path of a neuron
    table in a file is relative to that file's folder. Raises :class:`ConfigError` with the name of the first wrong
    field.
    """
    path = Path(path_or_name)
    if str(path_or_name) in config_names():
        path = CONFIG_FOLDER / f"{path_or_name}.toml"
    elif not path.exists():
        known = ", ".join(config_names())
        raise ConfigError(f"{path}: no such configuration file; the configurations with a name are {known}")
    try:
        values = parse_toml(read_bytes(path, "configuration", LARGEST))
    except DocumentError as error:
        raise ConfigError(f"{path}: {_plain(str(error))}") from None
    circuit = values.get("circuit")
    if isinstance(circuit, str) and circuit not in circuit_names():
        values["circuit"] = str(path.parent / circuit)
    return _validate(_merge(values, overrides), str(path), overrides)


def _merge(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _validate(values: dict[str, Any], where: str, overrides: dict[str, Any]) -> TrainConfig:
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
    place = [_plain(str(part)) for part in first["loc"]]
    message = first["msg"].removeprefix("Value error, ")
    given: Any = first["input"]
    if place[0] in ("encoder", "formats") and ": " in message:  # a dataclass' own field, told by its validator
        part, rest = message.split(": ", 1)
        if part.isidentifier() and isinstance(given, dict):
            place.append(part)
            message, given = rest, given.get(part)
    if first["type"] == "extra_forbidden":
        tables: dict[Any, type[BaseModel]] = {"augmentation": Augmentation, "distillation": Distillation}
        model = TrainConfig if len(first["loc"]) == 1 else tables[first["loc"][0]]
        message = f"unknown field; known are {', '.join(model.model_fields)}"
    elif first["type"] != "missing" and not message.startswith("unknown field"):
        message = f"{_plain(message)}, got {printable(given)}"
    if _given(overrides, place):
        raise ConfigError(message, ".".join(place))
    raise ConfigError(f"{where}: {'.'.join(place)}: {message}")


def _given(values: Any, place: list[str]) -> bool:
    """Whether a field, or an array that it lies in, is among ``values``."""
    for part in place:
        if not isinstance(values, dict):
            return True
        if part not in values:
            return False
        values = values[part]
    return True


def _plain(text: str) -> str:
    """``text`` on one line of moderate length, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
