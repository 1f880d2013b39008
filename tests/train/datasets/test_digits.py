import numpy as np

from captwin.train.datasets.catalogue import load_dataset


def test_digits():
    digits = load_dataset("digits")
    assert digits.train_images.shape == (1437, 64) and digits.test_images.shape == (360, 64)
    assert digits.train_images.dtype == np.uint8 and digits.train_labels.dtype == np.int64
    assert digits.train_images.max() == 255
    assert np.bincount(digits.test_labels).min() >= 34  # stratified
    assert digits.sha256 == load_dataset("digits").sha256
