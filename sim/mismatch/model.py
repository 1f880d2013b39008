"""A circuit's mismatch as a few numbers a neuron, and its file.

The file is JSON; ``docs/nonideal.md`` says what the numbers are and what they keep of what was measured.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from captwin.hw.support.digest import sha256_of
from captwin.hw.support.files import write_atomically
from captwin.sim.mismatch.model_file import plain_name, read_model
from captwin.sim.neurons.library import Library

#: most neurons in a file
MOST_NEURONS = 10_000
#: fewer tell nothing of how they spread
LEAST_NEURONS = 10
#: what is known of a neuron, each less the same of a typical one: how people call it, and its unit
NUMBERS = {
    "threshold": ("threshold, mean of the curves above rest", "V"),
    "from_rest": ("threshold from rest", "V"),
    "after_spike": ("threshold after that spike", "V"),
    "injection": ("shift of a resting membrane", "V"),
    "gain": ("slope of the membrane over the drive", ""),
    "leak": ("leak", ""),
    "reset": ("membrane that the reset leaves", "V"),
}


_Name = Annotated[str, AfterValidator(plain_name)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Number = Annotated[float, Field(ge=-10, le=10)]
_Row = Annotated[tuple[_Number, ...], Field(min_length=len(NUMBERS), max_length=len(NUMBERS))]
_Share = Annotated[float, Field(ge=-1e6, le=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False, strict=True))
class Mismatch:
    """What mismatch makes of a circuit's neurons; raises ``ValidationError`` if a field is wrong."""

    format: ClassVar[str] = "captwin-mismatch"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "model of mismatch"
    option: ClassVar[str] = "--process"
    measured_by: ClassVar[str] = "captwin mismatch"
    models: ClassVar[Library] = Library(Path(__file__).parent / "models", ".json")

    circuit: _Name
    pdk: _Name  #: whose statistics draw the devices
    temperature: Annotated[float, Field(gt=-273.15, lt=400)]  #: deg C
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]
    source_sha256: _Digest  #: of netlist, typical device models, bench and conditions
    cards_sha256: _Digest  #: of the foundry's files
    lost: Annotated[int, Field(ge=0, le=MOST_NEURONS)]  #: neurons beside these without a threshold in their range
    thresholds_kept: _Share  #: of the variance of the threshold curves, by ``threshold`` alone
    membranes_rms: Annotated[float, Field(ge=0, le=10)]  #: V, of all deviations of the membrane after a cycle
    membranes_kept: _Share  #: of their variance, by injection, gain, leak and reset
    neurons: Annotated[tuple[_Row, ...], Field(min_length=LEAST_NEURONS, max_length=MOST_NEURONS)]  #: NUMBERS of each

    @property
    def numbers(self) -> np.ndarray:
        """(neurons, NUMBERS)."""
        return np.array(self.neurons)

    @property
    def mean(self) -> np.ndarray:
        """(NUMBERS,)."""
        return np.asarray(self.numbers.mean(axis=0))

    @property
    def covariance(self) -> np.ndarray:
        """(NUMBERS, NUMBERS)."""
        return np.cov(self.numbers.T)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, NUMBERS) of neurons drawn from a normal distribution of this mean and covariance."""
        return rng.multivariate_normal(self.mean, self.covariance, count, method="svd")

    def draw_thresholds(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) V of drive by which the thresholds of neurons are off, which is what a chip file holds of them."""
        return self.draw(count, rng)[:, list(NUMBERS).index("threshold")]

    @property
    def sha256(self) -> str:
        """Hash of everything."""
        return sha256_of(asdict(self))

    def save(self, path: Path) -> None:
        """Writes the file."""
        fields = {"format": self.format, "version": self.version, **asdict(self)}
        lines = ",\n ".join(json.dumps(list(row)) for row in fields.pop("neurons"))
        head = json.dumps(fields, indent=1).removesuffix("\n}")
        write_atomically(path, f'{head},\n "neurons": [\n {lines}\n ]\n}}\n')

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads and checks a file; :class:`CaptwinError` that names file and field if it is none."""
        return read_model(cls, path)
