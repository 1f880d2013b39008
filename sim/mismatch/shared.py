"""What all neurons of a chip share, and which differs from chip to chip: a few numbers a chip, and their file.

The file is JSON; ``docs/nonideal.md`` says what is in it and what it keeps of what was measured.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from captwin.hw.support.digest import sha256_of
from captwin.hw.support.files import write_atomically
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.model_file import plain_name, read_model
from captwin.sim.neurons.library import Library

#: fewest and most sampled chips in a file, and most points of an axis and most modes
LEAST_CHIPS, MOST_CHIPS, MOST_POINTS, MOST_MODES = 10, 1000, 33, 12
#: what is known of a chip, each less the same of a typical one: how people call it, and its unit
CHIP_NUMBERS = {"v_ref": ("V_ref", "V"), **NUMBERS}
#: what is drawn once a chip: how people call it
CAUSES = {"process": "process", "bias": "mismatch of the bias circuit"}

_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Number = Annotated[float, Field(ge=-10, le=10)]
_Row = Annotated[tuple[_Number, ...], Field(min_length=len(CHIP_NUMBERS), max_length=len(CHIP_NUMBERS))]
_Axis = Annotated[tuple[_Number, ...], Field(min_length=2, max_length=MOST_POINTS)]
_Volts = tuple[_Number, ...]
_Share = Annotated[float, Field(ge=-1e6, le=1)]


class Deviation(NamedTuple):
    """By how much the table of a chip differs from the typical one, both seen from their V_ref."""

    x: np.ndarray  #: (Nv,) V: membranes, less V_ref
    u: np.ndarray  #: (Nu,) V: drives
    thresholds: np.ndarray  #: (2, Nv) V
    surfaces: np.ndarray  #: (2, 2, Nv, Nu) V


@dataclass(frozen=True, config=_CONFIG)
class Cause:
    """What one cause makes of chips. A deviation is the mean, plus each mode times a standard normal number; all are
    thresholds, then surfaces, flat, in V. Raises ``ValidationError`` if a field is wrong."""

    lost: Annotated[int, Field(ge=0, le=MOST_CHIPS)]  #: chips beside these without a threshold in their range
    thresholds_kept: _Share  #: of the variance of the threshold curves, by the modes
    surfaces_kept: _Share  #: of the variance of the surfaces
    offset_kept: _Share  #: of the variance of the threshold curves, by one offset a chip
    mean: _Volts
    modes: Annotated[tuple[_Volts, ...], Field(max_length=MOST_MODES)]
    chips: Annotated[tuple[_Row, ...], Field(min_length=LEAST_CHIPS, max_length=MOST_CHIPS)]  #: CHIP_NUMBERS of each

    @property
    def numbers(self) -> np.ndarray:
        """(chips, CHIP_NUMBERS)."""
        return np.array(self.chips)


@dataclass(frozen=True, config=_CONFIG)
class Shared:
    """What chips of a circuit differ in as a whole; raises ``ValidationError`` if a field is wrong."""

    format: ClassVar[str] = "captwin-chip-variation"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "model of what a chip's neurons share"
    option: ClassVar[str] = "--shared"
    measured_by: ClassVar[str] = "captwin mismatch --chips"
    models: ClassVar[Library] = Library(Path(__file__).parent / "models" / "chips", ".json")

    circuit: Annotated[str, AfterValidator(plain_name)]
    pdk: Annotated[str, AfterValidator(plain_name)]  #: whose statistics draw the devices
    temperature: Annotated[float, Field(gt=-273.15, lt=400)]  #: deg C
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]
    source_sha256: _Digest  #: of netlist, typical device models, bench and conditions
    cards_sha256: _Digest  #: of the foundry's files
    x: _Axis  #: V, membranes less V_ref
    u: _Axis  #: V, drives
    process: Cause
    bias: Cause | None  #: none where the foundry's statistics leave the bias circuit as it is

    def __post_init__(self) -> None:
        for axis in ("x", "u"):
            if not (np.diff(getattr(self, axis)) > 0).all():
                raise ValueError(f"{axis} should rise")
        points = 2 * len(self.x) + 4 * len(self.x) * len(self.u)
        for name, cause in self.causes.items():
            if any(len(volts) != points for volts in (cause.mean, *cause.modes)):
                raise ValueError(f"mean and modes of {name} should be {points} volts each, as the axes say")

    @property
    def causes(self) -> dict[str, Cause]:
        """By the names of CAUSES; those that there are."""
        return {name: cause for name in CAUSES if (cause := getattr(self, name)) is not None}

    def draw(self, rng: np.random.Generator) -> Deviation:
        """A chip, drawn from normal distributions: both causes are independent, and their deviations add up."""
        total = np.zeros(len(self.process.mean))
        for cause in self.causes.values():
            total += np.array(cause.mean)
            for mode, number in zip(cause.modes, rng.standard_normal(len(cause.modes)), strict=True):
                total += number * np.array(mode)
        return self.deviation(total)

    def deviation(self, flat: np.ndarray) -> Deviation:
        """``flat`` volts, as mean and modes are, by their names."""
        thresholds, surfaces = np.split(flat, [2 * len(self.x)])
        shape = (2, 2, len(self.x), len(self.u))
        return Deviation(np.array(self.x), np.array(self.u), thresholds.reshape(2, -1), surfaces.reshape(shape))

    @property
    def sha256(self) -> str:
        """Hash of everything."""
        return sha256_of(asdict(self))

    def save(self, path: Path) -> None:
        """Writes the file."""
        write_atomically(path, json.dumps({"format": self.format, "version": self.version, **asdict(self)}) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads and checks a file; :class:`CaptwinError` that names file and field if it is none."""
        return read_model(cls, path)
