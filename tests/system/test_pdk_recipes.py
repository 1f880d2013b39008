"""What docs/own-neuron.md says of PDKs, run as it stands there; its recipe for others on devices of a PDK's form."""

import re
from pathlib import Path

import pytest

from captwin.sim.pdk.catalogue import pdks
from captwin.sim.spice.benches.bench import MODELS, NETLISTS, Point, open_bench
from tests.support.needs import needs_ngspice, needs_pdk
from tests.support.paths import DOCS

pytestmark = needs_ngspice
PAGE = DOCS / "own-neuron.md"
NETLIST = (NETLISTS / "charge_share.cir").read_text()
POINTS = [Point(0.72, 0.02, False), Point(0.6, -0.1, True), Point(0.85, 0.1, False), Point(0.75, 0.0, True)]


def recipe_of_the_page() -> str:
    """The indented block of the page that is a models file."""
    blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(), re.MULTILINE)
    (models,) = (re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks if ".subckt nch" in block)
    return models


def cards(kind: str) -> str:
    """The reference devices' cards, under the names of a stand-in's."""
    section = MODELS.read_text().split(".lib tt\n")[1].split(".endl")[0]
    (card,) = re.findall(rf"^\.model {kind}_mos .*\n\+.*\n", section, re.MULTILINE)
    return card


def stand_in(device: str, kind: str, defaults: str) -> str:
    sizes = "w={w} l={l} ad={ad} as={as} pd={pd} ps={ps}"
    head = f".subckt {device} d g s b {defaults} ad=0 as=0 pd=0 ps=0"
    return f"{cards(kind)}{head}\nm1 d g s b {kind}_mos {sizes}\n.ends\n"


def micrometres(folder: Path, recipe: str) -> list:
    """Cycles of the reference neuron on micrometre-scaled devices behind ``recipe``."""
    devices = [stand_in(name, kind, "w=1 l=0.15") for name, kind in (("nfet", "nch"), ("pfet", "pch"))]
    text = ".lib tt\n.option scale=1.0u\n" + "".join(devices) + ".endl tt\n"
    (folder / "foundry.lib").write_text(text)
    (folder / "devices.lib").write_text(recipe)
    bench = open_bench("own", netlist=NETLISTS / "charge_share.cir", models=folder / "devices.lib")
    return bench.simulate(POINTS)


def test_the_recipe_for_micrometres_makes_the_same_transistors(tmp_path):
    reference = open_bench("charge_share").simulate(POINTS)
    cycles = micrometres(tmp_path, recipe_of_the_page())
    assert [cycle.spike for cycle in cycles] == [cycle.spike for cycle in reference]
    assert [cycle.v for cycle in cycles] == pytest.approx([cycle.v for cycle in reference], abs=10e-6)
    assert [cycle.energy for cycle in cycles] == pytest.approx([cycle.energy for cycle in reference], rel=1e-4)


def test_on_one_line_ngspice_computes_areas_from_the_width_that_is_converted(tmp_path):
    """Why the recipe has names of its own for sizes in micrometres."""

    def error(areas: str) -> float:
        recipe = re.sub(r"^\.param wide.*\n", "", recipe_of_the_page(), flags=re.MULTILINE)
        recipe = re.sub("w={wide} l={long} .*", f"w={{w/1u}} l={{l/1u}} {areas}", recipe)
        return max(abs(a.v - b.v) for a, b in zip(micrometres(tmp_path, recipe), reference, strict=True))

    reference = open_bench("charge_share").simulate(POINTS)
    assert error("ad={w*0.5u} as={w*0.5u} pd={2*w+1u} ps={2*w+1u}") > 2e-4
    assert error("ad={w*0.5} as={w*0.5} pd={2*w+1} ps={2*w+1}") < 10e-6


@needs_pdk("gf180mcu")
def test_the_netlist_with_the_voltages_of_the_page(tmp_path):
    (block,) = re.findall(r"^    \.param supply=3.3.*\n(?:^    \.param.*\n)+", PAGE.read_text(), re.MULTILINE)
    own = re.sub(r"(?:^\.param.*\n)+", re.sub("^ +", "", block, flags=re.MULTILINE), NETLIST, flags=re.MULTILINE)
    (tmp_path / "charge_share_3v3.cir").write_text(own)
    bench = open_bench("gf180", netlist=tmp_path / "charge_share_3v3.cir", pdk="gf180mcu")
    assert bench.parameters["supply"] == 3.3 and bench.parameters["u_max"] == 0.25
    least, enough = bench.simulate([Point(1.2, 0.06, False), Point(1.2, 0.068, False)])
    assert not least.spike and enough.spike  # "a threshold of 64 mV from rest"


def test_the_table_of_pdks_on_the_page_is_that_of_the_code():
    page = PAGE.read_text()
    rows = {cells[0]: cells[1:] for line in page.splitlines() if len(cells := line.strip("| ").split(" | ")) == 3}
    assert rows["supply"] == [f"{pdk.supply:g} V" for pdk in pdks().values()]
    for place, pdk in enumerate(pdks().values()):
        devices = {device.name: device for device in pdk.devices}
        (least_w, least_l), (most_w, most_l) = devices["nch"].least, devices["nch"].most
        assert (devices["pch"].least, devices["pch"].most) == (devices["nch"].least, devices["nch"].most)
        limits = f"w {1e6 * least_w:g} to {1e6 * most_w:g} um, l {1e6 * least_l:g} to {1e6 * most_l:g} um"
        assert rows["`nch`, `pch`"][place].endswith(limits)
        assert devices["cmim"].model.removeprefix("sky130_fd_pr__") in rows["`cmim p n w l`, p the top plate"][place]
        assert ("cmos" in devices) == ("none" not in rows["`cmos p n w l`, p the gate"][place])
        assert pdk.licence in rows["licence of the models"][place]
    assert "tt, ff, ss, fs, sf" in rows["corners"][0] and f"{1e6 * pdk.grid:g} um" in page
