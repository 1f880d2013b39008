"""What a data set is: labelled images to train and to test on."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from captwin.hw.support.errors import CaptwinError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (count, height * width) uint8 in raster order, labels (count,) int64."""

    name: str
    image: tuple[int, int]  #: height, width
    classes: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @cached_property
    def sha256(self) -> str:
        """Hash of all images and labels."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def some(self, images: int | None = None, *, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """``images`` test images from number ``first`` on, by default all that follow, and their labels.

        Raises :class:`CaptwinError` if there are fewer, or none.
        """
        wanted = first + 1 if images is None else first + images
        if wanted > len(self.test_images):
            raise CaptwinError(f"images: {self.name} has {len(self.test_images)} test images, not {wanted}")
        chosen = slice(first, None if images is None else wanted)
        return self.test_images[chosen], self.test_labels[chosen]


@dataclass(frozen=True)
class Entry:
    """A data set that comes with Captwin, as the catalogue lists it."""

    name: str  #: on the command line, in configurations and in chip files
    sha256: str  #: :attr:`Dataset.sha256` of the images and labels that this name stands for
    load: Callable[[], Dataset]  #: raises :class:`CaptwinError` if its files are not at hand and cannot be downloaded
