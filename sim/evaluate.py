"""A chip on labelled images: its accuracy in exact arithmetic, the speed of the golden model, activity and energy."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim import activity, energy, golden
from captwin.sim.activity import Activity
from captwin.sim.energy import EnergyError, EnergyReport
from captwin.sim.golden import Inference


@dataclass(frozen=True)
class Evaluation:
    """What came of running a chip on labelled images."""

    outcome: Inference  #: the golden model's answers, one row an image
    labels: np.ndarray  #: (images,) the right classes
    seconds: float  #: that the golden model took, its compilation left out
    activity: Activity  #: of the neurons, on the first images
    energy: EnergyReport | None  #: of each inference on the analog chip; None if the chip does not tell
    energy_unknown: str = ""  #: why there is no energy

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of images that got the right class."""
        return self.outcome.accuracy(self.labels)

    @property
    def errors(self) -> int:
        """Number of images that got a wrong class."""
        return int((self.outcome.labels != self.labels).sum())

    @property
    def images_per_s(self) -> float:
        """Speed of the golden model on this machine."""
        return self.images / self.seconds


def evaluate(chip: Chip, pixels: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Runs ``pixels``, (images, pixels) uint8, through ``chip`` and compares its answers with ``labels``, (images,).

    Raises :class:`CaptwinError` if the images do not fit the chip.

    >>> digits = captwin.load_dataset("digits")
    >>> captwin.evaluate(captwin.load_chip("digits"), digits.test_images, digits.test_labels).errors
    11
    """
    golden.run(chip, pixels[:1])  # compiles
    start = perf_counter()
    outcome = golden.run(chip, pixels)
    seconds = perf_counter() - start
    alive = activity.measure(chip, pixels)
    try:
        report, unknown = energy.measure(chip, pixels), ""
    except EnergyError as error:
        report, unknown = None, str(error)
    return Evaluation(outcome, labels, seconds, alive, report, unknown)
