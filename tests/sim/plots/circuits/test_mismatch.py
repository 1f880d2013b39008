"""Histograms of sampled neurons."""

import numpy as np

from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.plots.circuits.mismatch import draw_mismatch
from captwin.sim.plots.style import style
from tests.sim.plots.overlap import overlaps
from tests.support.mismatch import drawn_mismatch


def test_every_neuron_is_in_each_histogram():
    model = drawn_mismatch("mine", neurons=40)
    with style():
        figure = draw_mismatch(model)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert overlaps(figure) == [] and len(shown) == len(NUMBERS)
    for axes, values, (_, unit) in zip(shown, model.numbers.T, NUMBERS.values(), strict=True):
        assert sum(bar.get_height() for bar in axes.patches) == 40
        scale, name = (1e3, "mV") if unit == "V" else (100, "%")
        assert f"[{name}]" in axes.get_xlabel()
        ends = axes.patches[0].get_x(), axes.patches[-1].get_x() + axes.patches[-1].get_width()
        assert np.allclose(ends, (scale * values.min(), scale * values.max()))
