from dataclasses import replace

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.train.config import TrainConfig
from captwin.train.datasets.catalogue import DATASETS, check_known, load_dataset


def test_unknown_name():
    with pytest.raises(CaptwinError, match="no data set is called 'fashion'; there are digits, mnist"):
        load_dataset("fashion")


def test_names_of_ours_stand_for_their_content(mnist):
    for dataset in (mnist, load_dataset("digits")):
        check_known(dataset)
        images = dataset.test_images.copy()
        images[-1, -1] ^= 1
        with pytest.raises(CaptwinError, match=f"called {dataset.name}, but its images or labels are not those"):
            check_known(replace(dataset, test_images=images))
        check_known(replace(dataset, name="mine", test_images=images))


def test_names_are_listed_once():
    """Entries are found by the names of their data sets, and configurations know the same names."""
    for name, entry in DATASETS.items():
        assert entry.name == name
        assert TrainConfig(data=name, hidden=(4,)).data == name
    assert load_dataset("digits").name == "digits" and load_dataset("digits").sha256 == DATASETS["digits"].sha256


def test_mnist_has_its_own_name(mnist):
    assert mnist.name == "mnist" and mnist.sha256 == DATASETS["mnist"].sha256
