"""Training configurations: TOML files checked field by field."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hw.chip import Encoder, Formats, Readout
from hw.support.errors import CaptwinError
from hw.support.files import read_bytes
from sim.analog.table import NeuronTable
from train.mapping import Kind, Mapping

CONFIG_FOLDER = Path(__file__).parent / "configs"


class ConfigError(CaptwinError):
    """A configuration is wrong; the message names the field."""


class Augmentation(BaseModel):
    """Random maps of the training images; 0 leaves one out. The affine ones are drawn evenly from -limit to limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  #: deg
    shift: Annotated[float, Field(ge=0)] = 0.0  #: pixels
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0  #: share of the size
    elastic: Annotated[float, Field(ge=0)] = 0.0  #: pixels, standard deviation of a smooth random displacement

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        return bool(self.rotation or self.shift or self.scale or self.elastic)


class Distillation(BaseModel):
    """What a network learns from a teacher, beside the labels; without epochs there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=0)] = 0  #: that the teacher is trained for
    weight: Annotated[float, Field(ge=0, le=1)] = 0.7  #: the teacher's share of the loss
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0  #: by which scores are divided before they are compared


def _from_dict(kind: type) -> BeforeValidator:
    """Lets a TOML table stand for a strict dataclass."""

    def build(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        known = [entry.name for entry in fields(kind)]
        for key in value:
            if key not in known:
                raise ValueError(f"{key}: unknown field; known are {', '.join(known)}")
        try:
            return kind(**value)
        except ValidationError as error:
            first = error.errors()[0]
            path = "".join(f"{part}: " for part in first["loc"])
            raise ValueError(path + first["msg"].removeprefix("Value error, ")) from None

    return BeforeValidator(build)


class TrainConfig(BaseModel):
    """Everything that a training run depends on."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: Literal["digits", "mnist"]
    #: neurons of each hidden layer
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...]
    encoder: Annotated[Encoder, _from_dict(Encoder)] = Encoder()
    readout: Readout = "most_spikes"
    formats: Annotated[Formats, _from_dict(Formats)] = Formats()

    #: a reference circuit, or the path of a neuron table
    circuit: str = "charge_share"
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

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 64
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
    surrogate_width: Annotated[float, Field(gt=0)] = 0.35
    #: mean output membrane that weighs as much as one output spike in the loss, in units of the rise at which an ideal
    #: neuron fires
    membrane_weight: Annotated[float, Field(gt=0)] = 2.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        most = 1 << (self.formats.charge_bits - 1)
        if self.levels == 1 or self.levels > most:
            raise ValueError(
                f"levels: charge_bits = {self.formats.charge_bits} holds 2 to {most} levels (0: unquantised),"
                f" got {self.levels}"
            )
        return self

    def device(self, table: NeuronTable) -> Mapping:
        """The mapping; unquantised weights are rounded to the finest codes only when they become a chip."""
        levels = self.levels or 1 << (self.formats.charge_bits - 1)
        return Mapping(self.mapping, self.ratio, levels, self.parasitic, self.v_read or table.v_read)


def config_names() -> list[str]:
    """Names of the configurations that come with Captwin."""
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.toml"))


def load_config(path_or_name: str | Path, **overrides: Any) -> TrainConfig:
    """The configuration called so, or in the TOML file at that path, with ``overrides`` merged into it.

    An override of a table, such as ``encoder={"steps": 4}``, replaces only the keys it names. Raises
    :class:`ConfigError` with the name of the first wrong field.
    """
    path = Path(path_or_name)
    if str(path_or_name) in config_names():
        path = CONFIG_FOLDER / f"{path_or_name}.toml"
    elif not path.is_file():
        known = ", ".join(config_names())
        raise ConfigError(f"{path}: no such configuration file; the configurations with a name are {known}")
    try:
        values = tomllib.loads(read_bytes(path, "configuration").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    return _validate(_merge(values, overrides), str(path))


def _merge(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _validate(values: dict[str, Any], where: str) -> TrainConfig:
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            tables: dict[Any, type[BaseModel]] = {"augmentation": Augmentation, "distillation": Distillation}
            model = TrainConfig if len(first["loc"]) == 1 else tables[first["loc"][0]]
            message = f"unknown field; known are {', '.join(model.model_fields)}"
        raise ConfigError(f"{where}: {field}: {message}" if field else f"{where}: {message}") from None
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None
