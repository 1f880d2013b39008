"""The tables within a training configuration: each is a TOML table of its own."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from captwin.hw.chip import Formats

MOST_EPOCHS = 100_000
Number = TypeVar("Number", int, float)

#: strict about types, closed to unknown fields; the text below a field is what the documents say of it
STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True, use_attribute_docstrings=True)


class Augmentation(BaseModel):
    """Random changes of the training images, drawn anew whenever an image is used; 0 leaves one out."""

    model_config = STRICT

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

    model_config = STRICT

    epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] = 0
    """passes over the training images for which the teacher is trained; 0: no teacher"""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.7
    """the teacher's share of the loss; the labels have the rest"""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    """number by which all scores are divided before network and teacher are compared"""


def _numbers(kinds: tuple[type, ...], what: str) -> BeforeValidator:
    """Takes a number of one of ``kinds``, or an array of them as a tuple; ``what`` such a number is called."""

    def check(value: Any) -> Any:
        parts = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not parts or any(isinstance(part, bool) or not isinstance(part, kinds) for part in parts):
            raise ValueError(f"Input should be {what}, or a list with one for each layer")
        return parts if isinstance(value, list | tuple) else value

    return BeforeValidator(check)


#: of an axis of a table that a chip file holds
MOST_BITS = 8
#: a number for all layers, or one for each
WholePerLayer = Annotated[int | tuple[int, ...], _numbers((int,), "a whole number")]
SharePerLayer = Annotated[float | tuple[float, ...], _numbers((int, float), "a number")]


def per_layer(value: Number | Sequence[Number], layers: int) -> tuple[Number, ...]:
    """``value`` of each of so many ``layers``."""
    return tuple(value) if isinstance(value, Sequence) else (value,) * layers


class Direct(BaseModel):
    """Neurons without interpolation: membranes and drives have so few bits that all of them are knots of the tables."""

    model_config = STRICT

    membrane_bits: Annotated[int, Field(ge=1, le=MOST_BITS)] = 5
    """bits of a membrane: the neuron table has a row for each of its values"""
    drive_bits: WholePerLayer = 6
    """bits of a drive, for all layers or a list with a number for each; a charge code is a step, 0 V the middle one"""
    below: Annotated[float, Field(gt=0, le=100)] = 8.0
    """reach of the membranes below rest, as a multiple of the rise at which an ideal neuron fires"""
    above: Annotated[float, Field(gt=0, le=100)] = 4.0
    """the same above rest"""

    @field_validator("drive_bits")
    @classmethod
    def _within_a_table(cls, bits: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if not all(1 <= each <= MOST_BITS for each in per_layer(bits, 1)):
            raise ValueError(f"a table has 1 to {MOST_BITS} of them")
        return bits

    @property
    def most_drive_bits(self) -> int:
        """Of any layer; the others leave some of the table's columns out."""
        return max(per_layer(self.drive_bits, 1))

    def formats(self, levels: int) -> Formats:
        """Of a chip of memcapacitors with so many ``levels``: the narrowest that a chip file has for these bits."""
        drive_bits, membrane_bits = max(8, self.most_drive_bits + 1), max(10, self.membrane_bits + 1)
        return Formats(
            charge_bits=min(max(4, (levels - 1).bit_length() + 1), 10),
            drive_bits=drive_bits,
            drive_fraction=drive_bits - self.most_drive_bits,
            membrane_bits=membrane_bits,
            membrane_fraction=membrane_bits - self.membrane_bits,
        )

    def steps(self, layers: int) -> tuple[int, ...]:
        """Drive codes that a charge code of each of so many ``layers`` is."""
        bits = self.formats(2).drive_bits
        return tuple(1 << (bits - own) for own in per_layer(self.drive_bits, layers))
