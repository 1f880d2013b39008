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
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
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
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import NeuronTable
from captwin.train.datasets.catalogue import DATASETS

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


#: strict about types, closed to unknown fields; the text below a field is what the documents say of it
_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True, use_attribute_docstrings=True)


class Augmentation(BaseModel):
    """Random changes of the training images, drawn anew whenever an image is used; 0 leaves one out."""

    model_config = _STRICT

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """largest angle by which an image is turned either way, in degrees"""
    shift: Annotated[float, Field(ge=0, le=1e3)] = 0.0
    """largest distance by which an image is moved along each axis, in pixels"""
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """largest share by which an image grows or shrinks"""
    elastic: Annotated[float, Field(ge=0, le=1e3)] = 0.0
    """standard deviation of a smooth random displacement of the pixels, in pixels"""

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return bool(self.rotation or self.shift or self.scale or self.elastic)


class Distillation(BaseModel):
    """A teacher, an ordinary convolutional network, whose scores the network learns beside the labels."""

    model_config = _STRICT

    epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] = 0
    """passes over the training images for which the teacher is trained; 0: no teacher"""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.7
    """the teacher's share of the loss; the labels have the rest"""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    """number by which all scores are divided before network and teacher are compared"""


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


def _known_data(value: Any) -> Any:
    """``value`` if it is the name of a data set in the catalogue."""
    if not isinstance(value, str) or value not in DATASETS:
        names = [repr(name) for name in DATASETS]
        raise ValueError(f"Input should be {', '.join(names[:-1])} or {names[-1]}")
    return value


def _conditions(value: Any) -> Any:
    """``value`` if it is "all", none, or a list of names of conditions, each of them once."""
    if value is None or value == "all":
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError('Input should be "all" or a list such as ["tt_27", "ss_-40"]')
    try:
        return tuple(dict.fromkeys(Conditions.of_name(name).name for name in value))
    except CaptwinError as error:
        raise ValueError(str(error).removeprefix("conditions: ")) from None


class TrainConfig(BaseModel):
    """Everything that a training run depends on. ``load_config("digits", epochs=3)`` makes one.

    ``docs/training.md`` has the fields in a table, with the values that they take.
    """

    model_config = _STRICT

    data: Annotated[str, BeforeValidator(_known_data)]
    """the data set, by its name"""
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(max_length=16, strict=False)]
    """numbers of neurons in the hidden layers, from the first to the last; `[]` for none"""
    encoder: Annotated[SerializeAsAny[Encoder], _from_dict(encoder_class)] = make_encoder()
    """how pixels become spikes: a table of `kind`, `steps` and the kind's own parameters, described in
    [arithmetic.md](arithmetic.md#encoders)"""
    readout: Readout = "most_spikes"
    """how output spikes become a class"""
    formats: Annotated[Formats, _from_dict(lambda _: Formats)] = Formats()
    """widths of the chip's numbers: a table of `charge_bits`, `drive_bits`, `membrane_bits`, `drive_fraction` and
    `membrane_fraction`, described in [arithmetic.md](arithmetic.md)"""

    circuit: Annotated[str, Field(min_length=1, max_length=2000)] = "charge_share"
    """a reference circuit, or the path of a neuron table"""
    neuron: Literal["circuit", "ideal"] = "circuit"
    """`ideal` trains for the circuit's ideal twin, a perfect leaky integrate-and-fire neuron"""
    mapping: Kind = "one_sided"
    """how a weight becomes two capacitances; [circuit.md](circuit.md#weights-as-memcapacitors) compares the ways"""
    ratio: Annotated[float, Field(gt=1, le=1e4)] = 10.0
    """largest capacitance of a memcapacitor over its smallest, C_on / C_off"""
    levels: Annotated[int, Field(ge=0)] = 16
    """programmable levels of a memcapacitor, 2 to 2^(charge_bits - 1); 0: weights of any value while training"""
    parasitic: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """share of a column's capacitance that is wire and switches; many rows need
    [more](wires.md#the-wires-capacitance)"""
    bias_share: Annotated[float, Field(gt=0, le=1)] = 1 / 64
    """memcapacitor pairs in a column's bias, as a share of its rows; there is at least one"""
    v_read: Annotated[float | None, Field(gt=0, le=10)] = None
    """voltage by which the row lines swing, in V; by default the circuit's own"""

    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] = 20
    """passes over the training images"""
    batch_size: Annotated[int, Field(ge=1, le=1 << 20)] = 64
    """images between two changes of the weights"""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.01
    """AdamW's learning rate at the start; it falls to 0 along half a cosine"""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """AdamW's weight decay; lighter columns have more signal ([circuit.md](circuit.md#weights-as-memcapacitors))"""
    conditions: Annotated[Literal["all"] | tuple[str, ...] | None, BeforeValidator(_conditions)] = None
    """corners and temperatures of the circuit that training draws from, batch by batch: `["tt_27", "ss_-40"]`, or `all`
    that there are tables for; by default the circuit's own table alone"""
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 1
    """seed of all that is random in a run; one seed gives one chip file"""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """share of the training images that is kept aside to choose the epoch by that becomes the chip"""
    augmentation: Augmentation = Augmentation()
    """random changes of the training images: a table of the fields below"""
    distillation: Distillation = Distillation()
    """a teacher, whose scores the network learns beside the labels: a table of the fields below"""
    sigma_c: Annotated[float, Field(ge=0, le=1)] = 0.0
    """relative standard deviation of the memcapacitors that training reckons with"""
    sigma_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """standard deviation of the neurons' thresholds that training reckons with, in V of drive;
    [fabricate's](nonideal.md#fabricated-memcapacitors) is in V at the membrane"""
    noise: bool = False
    """whether training reckons with the [noise](nonideal.md#noise) of the analog chip: kT/C, drawn for each cycle"""
    comparator_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """noise of the comparators that training reckons with beside that, in V RMS at the membrane; needs
    `noise = true`"""
    reference_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """noise of V_ref, likewise, in V RMS; drawn for each neuron, although all of a layer have the same"""
    supply_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """noise of the supply, likewise, in V RMS, of which V_ref has its share"""
    surrogate_width: Annotated[float, Field(ge=1e-6, le=1e6)] = 0.35
    """distance from the threshold at which the spike's surrogate gradient has fallen to a quarter, as a multiple of the
    neuron table's threshold span"""
    membrane_weight: Annotated[float, Field(ge=1e-6, le=1e6)] = 2.0
    """mean output membrane that counts as much as one output spike in the loss, as a multiple of the rise at which an
    ideal neuron fires"""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = dump(self)
        if self.conditions is None:  # so that runs from before these fields are still the same runs
            del values["conditions"]
        if not self.noise:
            del values["noise"], values["comparator_noise"]
        for name in ("reference_noise", "supply_noise"):
            if not values[name]:
                del values[name]
        return values

    @field_validator("comparator_noise", "reference_noise", "supply_noise")
    @classmethod
    def _is_part_of_noise(cls, volts: float, known: ValidationInfo) -> float:
        if volts and not known.data.get("noise", True):
            raise ValueError("is for training with noise; set noise = true too")
        return volts

    @field_validator("circuit")
    @classmethod
    def _can_be_a_path(cls, circuit: str) -> str:
        if "\0" in circuit or any(len(os.fsencode(part)) > NAME_BYTES for part in Path(circuit).parts):
            raise ValueError("no file can be called so")
        return circuit

    @field_validator("levels")
    @classmethod
    def _fits(cls, levels: int, known: ValidationInfo) -> int:
        if "formats" not in known.data:  # these are wrong themselves, which is reported
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

    >>> captwin.load_config("digits-tiny", epochs=3, encoder={"steps": 4}).encoder.steps
    4
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
