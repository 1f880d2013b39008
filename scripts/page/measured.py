"""All that a page tells of, measured once."""

from dataclasses import dataclass

from captwin.boards.flow.built import Built
from captwin.boards.flow.timing import Hop
from captwin.hw.chip import Chip
from captwin.sim.energy import EnergyReport
from captwin.sim.golden import Inference
from captwin.sim.rtl.verify import Verification
from captwin.train.datasets.dataset import Dataset


@dataclass(frozen=True)
class Measured:
    """A build, and what golden model, compiled gates and energy model say of its chip."""

    name: str  #: what the user calls the chip
    chip: Chip
    dataset: Dataset
    built: Built
    path: tuple[Hop, ...]  #: the slowest
    golden: Inference  #: of the whole test set
    gates: Verification  #: of its first images
    energy: EnergyReport | str  #: of the whole test set; or why it cannot be told

    @property
    def clock_hz(self) -> float:
        """The clock that the board's PLL makes."""
        return self.built.manifest.clock_hz

    @property
    def reserve(self) -> float:
        """How much faster place and route reached than that clock, as a share of it."""
        return self.built.manifest.reached_hz / self.clock_hz - 1

    @property
    def accuracy(self) -> float:
        """Share of the test images that the golden model gets right."""
        return self.golden.accuracy(self.dataset.test_labels)
