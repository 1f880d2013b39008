"""A chip on labelled images: its accuracy in exact arithmetic, the speed of the golden model, activity and energy."""

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim import activity, energy, golden
from captwin.sim.activity import Activity
from captwin.sim.energy import EnergyError, EnergyReport
from captwin.sim.golden import Inference
from captwin.sim.noise import Noise, NoiseSource, NoiseVolts, layer_noise

#: runs with noise, each with numbers of its own, unless another number is asked for
NOISE_RUNS = 5


@dataclass(frozen=True)
class NoisyRuns:
    """A chip on the same images with noise: several runs, whose seeds follow one another."""

    noise: Noise  #: of the first run
    layers: tuple[NoiseVolts, ...]  #: V of each layer's noise
    accuracies: tuple[float, ...]  #: of each run, shares of 1

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation of the accuracies, as of a sample; 0 of a single one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0


@dataclass(frozen=True)
class Evaluation:
    """What came of running a chip on labelled images."""

    outcome: Inference  #: the golden model's answers, one row an image
    labels: np.ndarray  #: (images,) the right classes
    seconds: float  #: that the golden model took, its compilation left out
    activity: Activity  #: of the neurons, on the first images
    energy: EnergyReport | None  #: of each inference on the analog chip; None if the chip does not tell
    energy_unknown: str = ""  #: why there is no energy
    noisy: NoisyRuns | None = None  #: the same with noise, if that was asked for; all else is without

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


def evaluate(
    chip: Chip,
    pixels: np.ndarray,
    labels: np.ndarray,
    *,
    noise: Noise | None = None,
    noise_runs: int = NOISE_RUNS,
) -> Evaluation:
    """Runs ``pixels``, (images, pixels) uint8, through ``chip`` and compares its answers with ``labels``, (images,).

    With ``noise`` it does so ``noise_runs`` times more, 1 or more, with noise of the seeds from that of ``noise`` on.
    Raises :class:`CaptwinError` if the images do not fit the chip, or if the noise does not.

    >>> digits = captwin.load_dataset("digits")
    >>> captwin.evaluate(captwin.load_chip("digits"), digits.test_images, digits.test_labels).errors
    11
    """
    if noise:  # first of all, so that what is wrong with it is told at once
        seeds = [replace(noise, seed=noise.seed + number) for number in range(noise_runs)]
        NoiseSource(chip, noise)
    golden.run(chip, pixels[:1])  # compiles
    start = perf_counter()
    outcome = golden.run(chip, pixels)
    seconds = perf_counter() - start
    alive = activity.measure(chip, pixels)
    try:
        report, unknown = energy.measure(chip, pixels), ""
    except EnergyError as error:
        report, unknown = None, str(error)
    noisy = None
    if noise:
        accuracies = tuple(golden.run(chip, pixels, noise=one).accuracy(labels) for one in seeds)
        noisy = NoisyRuns(
            noise, tuple(layer_noise(chip.analog, layer, chip.formats, noise) for layer in chip.layers), accuracies
        )
    return Evaluation(outcome, labels, seconds, alive, report, unknown, noisy)
