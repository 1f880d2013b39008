"""The datasheet's pictures of a table."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.sim.plots.circuits.surfaces import draw_energy, draw_surfaces, draw_thresholds
from captwin.sim.plots.style import style
from tests.sim.plots.overlap import overlaps
from tests.support.tables import small_table


@pytest.mark.parametrize("jump", [None, 0.02])
def test_a_map_for_each_surface(jump):
    table = small_table(jump=jump)
    with style():
        figure = draw_surfaces(table)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == len(set(titles)) == (2 if jump is None else 4) and overlaps(figure) == []
    for axes in figure.axes[: len(titles)]:
        picture = np.asarray(axes.images[0].get_array())
        surface = table.surfaces[:, titles.index(axes.get_title()) // 2] if jump else table.surfaces
        wanted = surface[int("just fired" in axes.get_title())]
        ends = picture[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert ends.tolist() == pytest.approx(wanted[[0, 0, -1, -1], [0, -1, 0, -1]].tolist())
        if jump:  # the veil lies where the other outcome holds
            veiled = axes.images[1].get_array()[..., 3] > 0
            assert 0 < veiled.mean() < 1


def test_energy_has_a_map_for_each_state():
    with style():
        figure = draw_energy(small_table())
    assert [axes.get_title() for axes in figure.axes][:3] == ["silent neuron", "just fired", "from rest, energy [fJ]"]
    assert overlaps(figure) == []


def test_other_conditions_are_drawn_as_differences_from_rest():
    own = small_table()
    moved = {"v": own.v + 0.1, "v_rest": own.v_rest + 0.1, "surfaces": own.surfaces + 0.1}
    shifted = [
        replace(own, corner=corner, temperature=heat, thresholds=np.minimum(own.thresholds, 0.06) + shift, **moved)
        for corner, heat, shift in (("ss", 125.0, 0.01), ("ss", -40.0, 0.02), ("lab", 27.0, -0.01))
    ]
    own = replace(own, thresholds=np.minimum(own.thresholds, 0.06))
    with style():
        figure = draw_thresholds([own, *shifted])
    assert overlaps(figure) == []
    for axes in figure.axes[2:]:
        curves = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) > 2]
        assert [float(np.mean(curve)) for curve in curves] == pytest.approx([10, 20, -10])
        assert [float(np.ptp(curve)) for curve in curves] == pytest.approx([0, 0, 0], abs=1e-9)
        assert {text.get_text() for text in axes.texts} == {"ss", "lab"}
