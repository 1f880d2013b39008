"""The picture of an inference."""

import pytest

from captwin.sim.plots.chips.inference import draw_inference
from captwin.sim.plots.style import style
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.sim.plots.overlap import overlaps


@pytest.mark.parametrize("name", ["digits-tiny", "digits"])
def test_no_legend_strikes_through_a_title(name):
    with style():
        figure = draw_inference(load_chip(name), load_dataset("digits").test_images[0], truth=7)
    assert overlaps(figure) == []
