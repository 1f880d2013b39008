"""The diagram of a netlist's devices."""

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from captwin.sim.plots.style import style
from captwin.sim.schematic.elements import Block, Element, read_subcircuits
from captwin.sim.spice.benches.bench import SPICE_CIRCUITS, find_netlist
from captwin.sim.spice.source import read_source
from tests.support.proofs import proofs

#: the circuit that the short tests draw
QUICK = "gf180_pass_transistor"


def drawn(blocks):
    from captwin.sim.plots.circuits.schematic import draw_schematic

    with style():
        figure = draw_schematic(blocks)
    FigureCanvasAgg(figure).draw()
    return figure.axes[0].texts


@pytest.mark.parametrize("circuit", [QUICK, *proofs(name for name in SPICE_CIRCUITS if name != QUICK)])
def test_every_name_is_legible(circuit):
    (neuron, *_) = read_subcircuits(read_source(find_netlist(circuit), "netlist")).values()
    texts = drawn(neuron.blocks)
    words = [text.get_text() for text in texts]
    for element in neuron.elements:
        assert words.count(element.name) == 1
        assert not element.polarity or element.nets[1] in words
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    assert [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)] == []


def test_odd_blocks():
    """Without a comment, wider than a row, and with a thing of many ends."""
    many = [Element(f"x{n}", "nch", ("a", "b", "c", "0"), {"w": "1u"}) for n in range(14)]
    box = Element("xbox", "amplifier", ("a", "b", "c", "d", "e"), {})
    words = [text.get_text() for text in drawn([Block("", (*many, box))])]
    assert all(f"x{n}" in words for n in range(14)) and "xbox\namplifier\na\nb\nc\nd\ne" in words
