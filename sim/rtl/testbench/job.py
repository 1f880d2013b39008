"""What :func:`captwin.sim.rtl.simulate.simulate` and the testbench inside the simulator tell each other, as files."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import write_atomically
from captwin.sim.rtl.scoreboard import Divergence

OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Stalls:
    """Random pauses of all streams in a simulation; with any, the core is also reset in the middle of an image first.

    Raises :class:`CaptwinError` if ``probability`` is out of its range.
    """

    probability: float = 0.0  #: of a pause, each cycle and stream: at least 0, below 1
    seed: int = 0  #: decides when they come

    def __post_init__(self) -> None:
        if not 0 <= self.probability < 1:
            raise CaptwinError(f"stall: must be at least 0 and below 1, got {self.probability}")


@dataclass(frozen=True)
class Job:
    """What the testbench has to do."""

    chip: Chip
    images: np.ndarray  #: (images, pixels) uint8
    sidecar: Path  #: of the Verilog that is simulated
    stalls: Stalls

    def write(self, folder: Path) -> None:
        """Puts the job into ``folder``."""
        self.chip.save(folder / "chip.safetensors")
        np.save(folder / "images.npy", self.images, allow_pickle=False)
        settings = {"stalls": asdict(self.stalls), "sidecar": str(self.sidecar)}
        (folder / "job.json").write_text(json.dumps(settings))

    @classmethod
    def read(cls, folder: Path) -> "Job":
        """The job that :meth:`write` put there."""
        settings = json.loads((folder / "job.json").read_text())
        return cls(
            chip=Chip.load(folder / "chip.safetensors"),
            images=np.load(folder / "images.npy", allow_pickle=False),
            sidecar=Path(settings["sidecar"]),
            stalls=Stalls(**settings["stalls"]),
        )


@dataclass(frozen=True)
class Outcome:
    """What came of it. Cycles are clock cycles of the core."""

    stopped: str | None  #: why the comparison could not go on, one line; what follows is then empty
    complete: bool = False  #: whether all words and results have come
    compared: dict[str, int] = field(default_factory=dict)  #: numbers compared, by signal
    mismatches: int = 0
    first_divergence: Divergence | None = None
    labels: list[int] = field(default_factory=list)  #: of each result: class
    result_cycles: list[int] = field(default_factory=list)  #: of each result: cycle in which it was taken
    latencies: list[int] = field(
        default_factory=list
    )  #: of each result: cycles since its image's first pixel, as the core counts them
    cycles: int = 0  #: cycles simulated
    counters: dict[str, int] = field(default_factory=dict)  #: the core's own, at the end

    def write(self, folder: Path) -> None:
        """Puts the outcome into ``folder``, whole or not at all."""
        write_atomically(folder / OUTCOME, json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> "Outcome | None":
        """The outcome that :meth:`write` put there; None if there is none."""
        path = folder / OUTCOME
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        first = content.pop("first_divergence")
        return cls(**content, first_divergence=Divergence(**first) if first else None)
