"""The picture of an inference."""

import pytest

from sim.plots.inference import draw_inference
from sim.plots.style import style
from tests.sim.plots.overlap import overlaps
from train.data import load_dataset
from train.zoo import load_chip


@pytest.mark.parametrize("name", ["digits-tiny", "digits"])
def test_no_legend_strikes_through_a_title(name):
    with style():
        figure = draw_inference(load_chip(name), load_dataset("digits").test_images[0], truth=7)
    assert overlaps(figure) == []
