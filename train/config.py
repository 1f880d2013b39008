"""Training configurations: TOML files checked field by field."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
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
from captwin.sim.neurons.table import NeuronTable
from captwin.train.config_tables import (
    MOST_EPOCHS,
    STRICT,
    Augmentation,
    Direct,
    Distillation,
    SharePerLayer,
    WholePerLayer,
    per_layer,
)
from captwin.train.config_values import (
    check_layers,
    check_levels,
    check_prunable,
    condition_names,
    from_dict,
    known_data,
)
from captwin.train.zoo import names as chip_names

CONFIG_FOLDER = Path(__file__).parent / "configs"
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


class TrainConfig(BaseModel):
    """Everything that a training run depends on. ``load_config("digits", epochs=3)`` makes one.

    ``docs/training.md`` has the fields in a table, with the values that they take.
    """

    model_config = STRICT

    data: Annotated[str, BeforeValidator(known_data)]
    """the data set, by its name"""
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(max_length=16, strict=False)]
    """numbers of neurons in the hidden layers, from the first to the last; `[]` for none"""
    encoder: Annotated[SerializeAsAny[Encoder], from_dict(encoder_class)] = make_encoder()
    """how pixels become spikes: a table of `kind`, `steps` and the kind's own parameters, described in
    [arithmetic.md](arithmetic.md#encoders)"""
    readout: Readout = "most_spikes"
    """how output spikes become a class"""
    formats: Annotated[Formats, from_dict(lambda _: Formats)] = Formats()
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
    direct: Direct | None = None
    """neurons without interpolation, in place of `formats`: a table of the fields below; needs `one_sided`"""
    levels: WholePerLayer = 16
    """programmable levels of a memcapacitor, 2 to 2^(charge_bits - 1), for all layers or a list with a number for each;
    0: weights of any value while training"""
    sparsity: SharePerLayer = 0.0
    """share of the weights that training makes zero, for all layers or a list with a number for each; needs
    `one_sided`"""
    pruning: Annotated[float, Field(gt=0, le=1)] = 0.5
    """share of the epochs in which the sparsity is reached; from then on the same weights stay zero"""
    fan_in: Annotated[int, Field(ge=0)] = 0
    """most weights of a neuron that are not zero, in layers with sparsity; 0: as many as there are"""
    parasitic: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """share of a column's capacitance that is wire and switches; many rows need
    [more](wires.md#the-wires-capacitance)"""
    bias_share: Annotated[float, Field(gt=0, le=1)] = 1 / 64
    """memcapacitor pairs in a column's bias, as a share of its rows; there is at least one"""
    v_read: Annotated[float | None, Field(gt=0, le=10)] = None
    """voltage by which the row lines swing, in V; by default the circuit's own"""

    start: Annotated[str | None, Field(min_length=1, max_length=2000)] = None
    """a chip that comes with Captwin, or the path of a chip file, whose weights training begins with; by default they
    are drawn"""
    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)] = 20
    """passes over the training images"""
    batch_size: Annotated[int, Field(ge=1, le=1 << 20)] = 64
    """images between two changes of the weights"""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.01
    """AdamW's learning rate at the start; it falls to 0 along half a cosine"""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    """AdamW's weight decay; lighter columns have more signal ([circuit.md](circuit.md#weights-as-memcapacitors))"""
    conditions: Annotated[Literal["all"] | tuple[str, ...] | None, BeforeValidator(condition_names)] = None
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
        for name in ("conditions", "direct", "start"):  # so that runs from before these fields are still the same runs
            if values[name] is None:
                del values[name]
        if not self.prunes:
            del values["sparsity"], values["pruning"], values["fan_in"]
        if not self.noise:
            del values["noise"], values["comparator_noise"]
        for name in ("reference_noise", "supply_noise"):
            if not values[name]:
                del values[name]
        return values

    @field_validator("conditions")
    @classmethod
    def _has_interpolation(cls, names: Any, known: ValidationInfo) -> Any:
        if names is not None and known.data.get("direct") is not None:
            raise ValueError("neurons without interpolation are trained on one table; leave out this, or direct")
        return names

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

    @field_validator("direct")
    @classmethod
    def _stands_alone(cls, direct: Direct | None, known: ValidationInfo) -> Direct | None:
        if direct is None:
            return None
        check_layers(direct.drive_bits, known, "drive_bits")
        if known.data.get("formats", Formats()) != Formats():
            raise ValueError("its formats follow from its bits; leave formats out")
        if known.data.get("mapping", "one_sided") != "one_sided":
            raise ValueError("needs charges of any whole number; set mapping to one_sided")
        return direct

    @field_validator("levels")
    @classmethod
    def _fits(cls, levels: int | tuple[int, ...], known: ValidationInfo) -> int | tuple[int, ...]:
        if "formats" not in known.data or "direct" not in known.data:  # these are wrong themselves, which is reported
            return levels
        check_levels(levels, known)
        return levels

    @field_validator("sparsity")
    @classmethod
    def _can_be_zero(cls, sparsity: float | tuple[float, ...], known: ValidationInfo) -> float | tuple[float, ...]:
        check_layers(sparsity, known)
        if not all(0 <= share < 1 for share in per_layer(sparsity, 1)):
            raise ValueError("each layer keeps some of its weights; give 0 to below 1")
        if any(per_layer(sparsity, 1)):
            check_prunable(known)
        return sparsity

    @field_validator("fan_in")
    @classmethod
    def _prunes_too(cls, fan_in: int, known: ValidationInfo) -> int:
        if fan_in and not any(per_layer(known.data.get("sparsity", 0.5), 1)):
            raise ValueError("is for layers with sparsity; set that too, or leave this out")
        return fan_in

    @property
    def layers(self) -> int:
        """How many layers the network has."""
        return len(self.hidden) + 1

    @property
    def prunes(self) -> bool:
        """Whether training makes some weights zero."""
        return any(per_layer(self.sparsity, self.layers))

    @property
    def chip_formats(self) -> Formats:
        """Widths of the chip's numbers."""
        return self.formats if self.direct is None else self.direct.formats(max(per_layer(self.levels, 1)))

    def mapping_for(self, table: NeuronTable, layer: int = 0) -> Mapping:
        """How weights of a layer become memcapacitors on the circuit of ``table``; unquantised weights are rounded to
        the finest codes only when they become a chip."""
        levels = per_layer(self.levels, self.layers)[layer] or 1 << (self.chip_formats.charge_bits - 1)
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
    for name, known_names in (("circuit", circuit_names()), ("start", chip_names())):
        given = values.get(name)
        if isinstance(given, str) and given not in known_names:
            values[name] = str(path.parent / given)
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
        tables: dict[Any, type[BaseModel]] = {
            "augmentation": Augmentation,
            "distillation": Distillation,
            "direct": Direct,
        }
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
