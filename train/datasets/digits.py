"""scikit-learn's handwritten digits: 1,797 images of 8 x 8, which come with that library."""

import numpy as np

from captwin.train.datasets.dataset import Dataset, Entry

#: images kept for testing; as many of each class as the whole set has in proportion
TEST_IMAGES = 360
#: an image's brightest pixel, which becomes 255
BRIGHTEST = 16


def load() -> Dataset:
    """The digits: 1,437 to train on, 360 to test on, always the same ones."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.round(digits.data * (255 / BRIGHTEST)).astype(np.uint8)
    parts = train_test_split(images, digits.target, test_size=TEST_IMAGES, random_state=0, stratify=digits.target)
    train_images, test_images, train_labels, test_labels = parts
    return Dataset(
        name="digits",
        image=(8, 8),
        classes=10,
        train_images=train_images,
        train_labels=train_labels.astype(np.int64),
        test_images=test_images,
        test_labels=test_labels.astype(np.int64),
    )


DIGITS = Entry("digits", "3616d13d9b8a0a7a70107bddfd1b1572ec4785e7884f0571b848e039b01e1a3f", load)
