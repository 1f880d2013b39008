"""Two chips on the same test images: which of them is right where, and whether that can be chance."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.train.datasets.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Comparison:
    """Answers of two chips to the same images."""

    truth: np.ndarray  #: (images,) class of each
    first: np.ndarray  #: (images,) what the first chip answers
    second: np.ndarray  #: (images,) what the second chip answers

    @property
    def accuracies(self) -> tuple[float, float]:
        """Share of the images that each gets right."""
        return float((self.first == self.truth).mean()), float((self.second == self.truth).mean())

    @property
    def both(self) -> int:
        """Images that both get right."""
        return int(((self.first == self.truth) & (self.second == self.truth)).sum())

    @property
    def only_first(self) -> int:
        """Images that the first alone gets right."""
        return int(((self.first == self.truth) & (self.second != self.truth)).sum())

    @property
    def only_second(self) -> int:
        """Images that the second alone gets right."""
        return int(((self.first != self.truth) & (self.second == self.truth)).sum())

    @property
    def neither(self) -> int:
        """Images that both get wrong."""
        return int(((self.first != self.truth) & (self.second != self.truth)).sum())

    @property
    def differing(self) -> np.ndarray:
        """Numbers of the images that they answer differently, in order."""
        return np.flatnonzero(self.first != self.second)

    @property
    def chance(self) -> float:
        """McNemar's exact test: probability, were both equally good, that the images which one alone gets right are
        shared out at least as unevenly as they are; 1 if there are none."""
        apart = self.only_first + self.only_second
        return float(binomtest(self.only_first, apart).pvalue) if apart else 1.0


def check_comparable(first: Chip, second: Chip) -> None:
    """Raises :class:`CaptwinError` unless both take the same images into the same number of classes."""
    if first.image != second.image:
        (height, width), (other_height, other_width) = first.image, second.image
        raise CaptwinError(
            f"compare: the chips take different images, {height} x {width} and {other_height} x {other_width} pixels"
        )
    if first.classes != second.classes:
        raise CaptwinError(f"compare: the chips have different classes, {first.classes} and {second.classes}")


def compare_chips(first: Chip, second: Chip, dataset: Dataset) -> Comparison:
    """Runs the whole test set of ``dataset`` through the golden models of both chips.

    Raises :class:`CaptwinError` if they are not comparable, or the images do not fit.
    """
    check_comparable(first, second)
    answers = [golden.run(chip, dataset.test_images).labels for chip in (first, second)]
    return Comparison(dataset.test_labels, *answers)
