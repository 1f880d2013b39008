import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.train.datasets.catalogue import load_dataset


def test_some():
    digits = load_dataset("digits")
    for images, first, stop in ((None, 0, 360), (5, 0, 5), (None, 357, 360), (3, 357, 360)):
        pixels, labels = digits.some(images, first=first)
        assert np.array_equal(pixels, digits.test_images[first:stop])
        assert np.array_equal(labels, digits.test_labels[first:stop])
    for images, first in ((361, 0), (4, 357), (None, 360)):
        with pytest.raises(CaptwinError, match="images: digits has 360 test images, not 361"):
            digits.some(images, first=first)
