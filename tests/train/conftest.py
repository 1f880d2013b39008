import os

import pytest

from train.data import DATA_VARIABLE, load_dataset


@pytest.fixture(scope="session")
def mnist():
    if not os.environ.get(DATA_VARIABLE):
        pytest.skip(f"MNIST is not here: {DATA_VARIABLE} is not set")
    return load_dataset("mnist")
