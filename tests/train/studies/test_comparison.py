"""Two chips on the same images."""

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.studies.comparison import Comparison, compare_chips
from captwin.train.zoo import load_chip


def test_every_image_is_counted_once():
    truth = np.array([0, 1, 2, 3, 4, 5])
    result = Comparison(truth, np.array([0, 1, 2, 9, 9, 9]), np.array([0, 1, 9, 3, 9, 8]))
    assert (result.both, result.only_first, result.only_second, result.neither) == (2, 1, 1, 2)
    assert result.accuracies == (0.5, 0.5) and result.differing.tolist() == [2, 3, 5] and result.chance == 1


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 0, 1), (5, 0, 2 / 2**5), (0, 10, 2 / 2**10), (1, 3, 0.625)]
)
def test_chance_is_a_fair_coins(first, second, chance):
    """The exact binomial sum, both tails."""
    truth = np.zeros(first + second, int)
    wrong = np.arange(first + second)
    result = Comparison(truth, np.where(wrong < first, 0, 1), np.where(wrong < first, 1, 0))
    assert (result.only_first, result.only_second) == (first, second)
    assert result.chance == pytest.approx(chance)


def test_chips():
    dataset, chips = load_dataset("digits"), [load_chip(name) for name in ("digits", "digits-tiny")]
    result = compare_chips(*chips, dataset)
    right = [golden.run(chip, dataset.test_images).labels == dataset.test_labels for chip in chips]
    assert result.both == (right[0] & right[1]).sum() and result.accuracies[1] == right[1].mean()
    assert result.both + result.only_first + result.only_second + result.neither == 360


def test_chips_of_different_images():
    with pytest.raises(CaptwinError, match="different images, 8 x 8 and 28 x 28 pixels"):
        compare_chips(load_chip("digits"), load_chip("mnist"), load_dataset("digits"))
