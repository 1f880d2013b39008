"""Metal of the PDKs: what a wire has, by hand, and the page's table."""

import re

import pytest

from captwin.sim.pdk.catalogue import find_pdk, pdks
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/wires.md").read_text()


def test_a_wire_by_hand():
    rows = find_pdk("gf180mcu").wires.rows
    alone = rows.wire(1e-3)
    assert alone.ohms == pytest.approx(0.09 * 1000 / 0.28)
    assert alone.farads == pytest.approx(1000 * (0.28 * 7.602 + 2 * 28.153) * 1e-18)
    wide = rows.wire(1e-3, width=1e-6, space=0.5e-6)
    assert wide.ohms == pytest.approx(90)
    assert wide.farads == pytest.approx((1000 * (7.602 + 2 * 28.153) + 2 * 1000 * 77.388 / 1.111) * 1e-18)
    assert rows.coupling(2e-6, 0.5e-6) == pytest.approx(2 * 77.388 / 1.111 * 1e-18)
    with pytest.raises(AssertionError, match="metal 4"):
        rows.wire(1e-3, width=0.2e-6)


def test_a_crossing_by_hand():
    wires = find_pdk("gf180mcu").wires
    area, edges = 0.28**2 * 59.027, 2 * 0.28 * (47.871 + 39.964)
    assert wires.crossing() == pytest.approx((area + edges) * 1e-18)
    area, edges = 0.5 * 0.3 * 59.027, 2 * (0.3 * 47.871 + 0.5 * 39.964)
    assert wires.crossing(0.5e-6, 0.3e-6) == pytest.approx((area + edges) * 1e-18)


def test_the_page_states_what_the_pdks_hold():
    rows = re.findall(r"^\| (\w+), (rows|columns|clocks): (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    assert {(name.lower(), use) for name, use, _, _ in rows} == {
        (name, use) for name in pdks() for use in ("rows", "columns", "clocks")
    }
    for name, use, layer, figures in rows:
        metal = getattr(find_pdk(name.lower()).wires, use)
        values = [1.0, 1e-6, 1e-12, 1e-18, 1e-6, 1e-6, 1e-6]
        found = [float(figure) for figure in re.findall(r"\d+(?:[.]\d+)?", figures)]
        stated = (metal.sheet_ohms, metal.area, metal.fringe, metal.beside, metal.offset, metal.width, metal.space)
        assert layer == metal.name and [a * b for a, b in zip(found, values, strict=True)] == pytest.approx(stated)
    crossings = re.findall(r"([\d.]+) fF (?:between them )?on (\w+)", PAGE)
    assert [name.lower() for _, name in crossings] == list(pdks())
    for femtofarads, name in crossings:
        assert 1e-15 * float(femtofarads) == pytest.approx(find_pdk(name.lower()).wires.crossing(), rel=1e-3)
