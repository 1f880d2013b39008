"""The recipes for PDKs in docs/circuit.md, run as they stand there on devices of the PDKs' form."""

import re
from pathlib import Path

import pytest

from captwin.sim.spice.bench import MODELS, NETLISTS, Point, open_bench
from tests.support.needs import needs_ngspice
from tests.support.paths import DOCS

pytestmark = needs_ngspice
PAGE = DOCS / "circuit.md"
NETLIST = (NETLISTS / "charge_share.cir").read_text()
POINTS = [Point(0.72, 0.02, False), Point(0.6, -0.1, True), Point(0.85, 0.1, False), Point(0.75, 0.0, True)]


def recipes() -> dict[str, str]:
    """The indented blocks of the page that are models files, by the file whose devices they use."""
    blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(), re.MULTILINE)
    models = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks if ".subckt nch" in block]
    return {re.findall(r"\.lib '(\S+)'", text)[0]: text for text in models}


def cards(kind: str) -> str:
    """The reference devices' cards, under the names of a stand-in's."""
    section = MODELS.read_text().split(".lib tt\n")[1].split(".endl")[0]
    (card,) = re.findall(rf"^\.model {kind}_mos .*\n\+.*\n", section, re.MULTILINE)
    return card


def stand_in(device: str, kind: str, defaults: str) -> str:
    sizes = "w={w} l={l} ad={ad} as={as} pd={pd} ps={ps}"
    head = f".subckt {device} d g s b {defaults} ad=0 as=0 pd=0 ps=0"
    return f"{cards(kind)}{head}\nm1 d g s b {kind}_mos {sizes}\n.ends\n"


def sky130(folder: Path, recipe: str) -> list:
    """Cycles of the reference neuron on micrometre-scaled devices behind ``recipe``."""
    devices = [
        stand_in(f"sky130_fd_pr__{name}_01v8", kind, "w=1 l=0.15") for name, kind in (("nfet", "nch"), ("pfet", "pch"))
    ]
    text = ".lib tt\n.option scale=1.0u\n" + "".join(devices) + ".endl tt\n"
    (folder / "sky130.lib.spice").write_text(text)
    (folder / "sky130.lib").write_text(recipe)
    bench = open_bench("own", netlist=NETLISTS / "charge_share.cir", models=folder / "sky130.lib")
    return bench.simulate(POINTS)


def test_the_recipe_for_micrometres_makes_the_same_transistors(tmp_path):
    reference = open_bench("charge_share").simulate(POINTS)
    cycles = sky130(tmp_path, recipes()["sky130.lib.spice"])
    assert [cycle.spike for cycle in cycles] == [cycle.spike for cycle in reference]
    assert [cycle.v for cycle in cycles] == pytest.approx([cycle.v for cycle in reference], abs=10e-6)
    assert [cycle.energy for cycle in cycles] == pytest.approx([cycle.energy for cycle in reference], rel=1e-4)


def test_on_one_line_ngspice_computes_areas_from_the_width_that_is_converted(tmp_path):
    """Why the recipe has names of its own for sizes in micrometres."""

    def error(areas: str) -> float:
        recipe = re.sub(r"^\.param wide.*\n", "", recipes()["sky130.lib.spice"], flags=re.MULTILINE)
        recipe = re.sub("w={wide} l={long} .*", f"w={{w/1u}} l={{l/1u}} {areas}", recipe)
        return max(abs(a.v - b.v) for a, b in zip(sky130(tmp_path, recipe), reference, strict=True))

    reference = open_bench("charge_share").simulate(POINTS)
    assert error("ad={w*0.5u} as={w*0.5u} pd={2*w+1u} ps={2*w+1u}") > 2e-4
    assert error("ad={w*0.5} as={w*0.5} pd={2*w+1} ps={2*w+1}") < 10e-6


def test_the_recipe_for_metres_runs_with_the_voltages_of_the_page(tmp_path):
    (tmp_path / "gf180.lib").write_text(recipes()["sm141064.ngspice"])
    (tmp_path / "design.ngspice").write_text("* switches of the PDK\n.param sw_stat_global=0\n")
    devices = [stand_in(f"{name}_03v3", kind, "w=1e-5 l=2.8e-7") for name, kind in (("nfet", "nch"), ("pfet", "pch"))]
    text = "* foundry's library\n.lib typical\n" + "".join(devices) + ".endl typical\n.lib ff\n.endl ff\n"
    (tmp_path / "sm141064.ngspice").write_text(text)
    (block,) = re.findall(r"^    \.param supply=3.3.*\n(?:^    \.param.*\n)+", PAGE.read_text(), re.MULTILINE)
    own = re.sub(r"(?:^\.param.*\n)+", re.sub("^ +", "", block, flags=re.MULTILINE), NETLIST, flags=re.MULTILINE)
    (tmp_path / "charge_share_3v3.cir").write_text(own)
    bench = open_bench("gf180", netlist=tmp_path / "charge_share_3v3.cir", models=tmp_path / "gf180.lib")
    assert bench.parameters["supply"] == 3.3 and bench.parameters["u_max"] == 0.25
    silent, driven = bench.simulate([Point(1.2, -0.25, False), Point(1.5, 0.25, False)])
    assert driven.v - silent.v > 0.2
    reference = open_bench("gf180", netlist=tmp_path / "charge_share_3v3.cir").simulate([Point(1.2, -0.25, False)])
    assert silent.v == pytest.approx(reference[0].v, abs=0.05)  # the shortest channels are 0.28 um in place of 0.18
