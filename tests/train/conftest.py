"""A configuration that trains in a moment, and its data set."""

import pytest

from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset


@pytest.fixture
def quick():
    return load_config("digits", epochs=3, hidden=[16], batch_size=64, learning_rate=0.02, encoder={"steps": 4})


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")
