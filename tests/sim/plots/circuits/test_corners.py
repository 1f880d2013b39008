"""Heat maps over corners and temperatures."""

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.plots.circuits.corners import Panel, draw_corners
from captwin.sim.plots.style import style
from tests.sim.plots.overlap import overlaps

PLACES = [Conditions("tt"), Conditions("ff", -40.0), Conditions("ss", 125.0), Conditions("lab", 27.0)]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_every_value_stands_in_its_own_cell(count):
    panels = [Panel(f"figure {n} [mV]", [1.0 + n, 2.0, None, 4.0], lambda x: f"{x:.1f}", "never") for n in range(count)]
    with style():
        figure = draw_corners(PLACES, panels, "a circuit (framed: its own table)")
    assert overlaps(figure) == []
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == count
    for number, axes in enumerate(shown):
        corners = [label.get_text() for label in axes.get_yticklabels()]
        heats = [label.get_text() for label in axes.get_xticklabels()]
        assert corners == ["ss", "tt", "ff", "lab"] and heats == ["-40", "27", "125"]
        cells = {}
        for text in axes.texts:
            column, row = (int(place) for place in text.get_position())
            cells[corners[row], heats[column]] = text.get_text()
        first = f"{1.0 + number:.1f}"
        assert cells == {("tt", "27"): first, ("ff", "-40"): "2.0", ("ss", "125"): "never", ("lab", "27"): "4.0"}
