"""``captwin datasheet``: the page holds what tables and netlists say, and needs nothing else."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from captwin.scripts.datasheet.limits import not_modelled
from captwin.scripts.datasheet.mismatch import section
from captwin.scripts.datasheet.schematic import _blocks
from captwin.sim.corners import circuit_corners
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.schematic.elements import read_subcircuits
from captwin.sim.spice.source import Source
from tests.scripts.verbs.chip.report_page import Page, words
from tests.support.needs import needs_ngspice, needs_pdk
from tests.support.paths import DOCS
from tests.support.tables import small_table

SECTIONS = ["devices", "transients", "surfaces", "thresholds", "mismatch", "energy", "noise", "limits", "provenance"]


@pytest.fixture
def without_ngspice(monkeypatch):
    monkeypatch.setattr("captwin.scripts.datasheet.sheet.find_tool", lambda _: None)


def test_the_page_of_a_circuit(captwin, tmp_path, without_ngspice):
    status, out, _ = captwin("datasheet", "gf180_pass_transistor", "--json")
    result = json.loads(out)
    assert status == 0 and result["page"] == "gf180_pass_transistor.html" and result["transistors"] == 17
    text = (tmp_path / result["page"]).read_text()
    page = Page(text)
    assert page.sections == SECTIONS and page.fetched == [] and len(page.ids) == len(set(page.ids))
    places = circuit_corners("gf180_pass_transistor")
    table, verdict = places[0].table, places[0].verdict
    head = words(page.texts[""])
    for figure in ("1.25 V", "10 ns", "transistors 17", "167 fF", "250 fF", f"{1e3 * verdict.threshold:.1f} mV"):
        assert figure in head
    assert words(page.texts["transients"]).endswith("No transients: ngspice is not installed: apt-get install ngspice.")
    # As many conditions as there are tables, each with its threshold.
    for at in places:
        where = f"{at.conditions.corner}, {at.conditions.temperature:g} °C"
        assert f"{where} {1e3 * at.verdict.threshold:.1f} " in words(page.texts["thresholds"])
    assert table.circuit_sha256 in page.texts["provenance"] and table.date in page.texts["provenance"]
    assert "xcmp_n" in text and "@page { size: A4" in text and str(tmp_path) not in text

    # A page of another circuit does not take its place.
    status, out, err = captwin("datasheet", "pass_transistor", "-o", result["page"])
    assert (status, out) == (1, "") and "not replaced: this is no datasheet of pass_transistor; name another" in err
    assert (tmp_path / result["page"]).read_text() == text


def test_a_table_of_ones_own(captwin, tmp_path, monkeypatch):
    small_table(jump=0.02).save(tmp_path / "mine.json")
    status, out, _ = captwin("datasheet", "mine.json", "-o", "page.html")
    assert status == 0 and "its netlist is not known; name it with --netlist" in out
    page = Page((tmp_path / "page.html").read_text())
    assert page.sections == SECTIONS and "The netlist is not known." in words(page.texts["devices"])
    assert "captwin datasheet mine.json captwin inspect" in words(page.texts["provenance"])
    # The next one takes its place.
    monkeypatch.setattr("captwin.scripts.verbs.circuit.datasheet.page", lambda _: "the next")
    assert captwin("datasheet", "mine.json", "-o", "page.html")[0] == 0
    assert (tmp_path / "page.html").read_text() == "the next"


def test_what_is_not_modelled_is_told_in_one_place():
    section = re.split(r"^## ", (DOCS / "circuit.md").read_text(), flags=re.MULTILINE)[-1]
    points = not_modelled()
    assert section.startswith("Not modelled\n") and len(points) == section.count("\n* ") > 2
    said = re.findall(r"\w+", re.sub(r"\]\([^)]*\)", "", section))
    assert said[:2] == ["Not", "modelled"] and re.findall(r"\w+", " ".join(points)) == said[2:]


def test_a_subcircuit_that_is_used_twice_is_drawn_once():
    text = (
        ".subckt inv a b\nxn b a 0 0 nch\n.ends\n.subckt bias a\nxn a a 0 0 nch\n.ends\n"
        ".subckt neuron a b\nx1 a b inv\nx2 b a inv\nx3 a bias\n.ends\n"
    )
    found = read_subcircuits(Source(text, text, {}))
    assert [len(block.elements) for block in _blocks(found)] == [3, 1, 1]


def test_no_mismatch_is_promised_where_there_are_no_statistics():
    sheet = SimpleNamespace(mismatch=None, table=None, netlist=SimpleNamespace(pdk=find_pdk("sky130")))
    (note,) = section(sheet).blocks
    assert note.text == "The device models of sky130 that Captwin reads state no mismatch to draw neurons by."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "circuit: no table file 'nothing', nor a reference circuit"),
        (("mine.cir",), "mine.cir: this is a netlist; a datasheet is of a circuit's table: name that and --netlist"),
        (("mine.json", "--pdk", "gf180mcu"), "--models and --pdk are for its netlist; name that with --netlist"),
        (("mine.json", "--netlist", "none.cir"), "none.cir: cannot read netlist"),
        (("mine.json", "--netlist", "mine.cir"), "mine.cir: no '.subckt neuron' with devices"),
        (("mine.json", "-o", "mine.json"), "mine.json: not replaced: this is no datasheet of small"),
        (("mine.json", "-o", "."), "cannot write: this is a folder"),
        (("mine.json", "--mismatch", "none.json"), "none.json: cannot read model of mismatch"),
        (("mine.json", "--mismatch", "gf180mcu"), "gf180mcu: cannot read model of mismatch"),
    ],
)
def test_mistakes_are_one_line(captwin, tmp_path, arguments, message):
    small_table().save(tmp_path / "mine.json")
    (tmp_path / "mine.cir").write_text(".subckt cell a b\nr1 a b 1k\n.ends\n")
    status, out, err = captwin("datasheet", *arguments)
    assert (status, out) == (1, "") and message in err and err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.cir", "mine.json"]


@pytest.mark.proof
@needs_ngspice
@pytest.mark.parametrize("circuit", ["charge_share", pytest.param("gf180_charge_share", marks=needs_pdk("gf180mcu"))])
def test_with_ngspice_cycles_are_drawn(captwin, tmp_path, circuit):
    status, out, _ = captwin("datasheet", circuit, "-o", "page.html", "--held-out", "5", "--json")
    result = json.loads(out)
    assert status == 0 and result["held_out_points"] == 5 and 0 < result["held_out_rms_v"] < 1e-3
    text = (tmp_path / "page.html").read_text()
    page = Page(text)
    assert "Simulated in ngspice at tt, 27 °C" in words(page.texts["transients"])
    drawn = text[text.index('id="transients"') : text.index('id="surfaces"')]
    assert "then none: ends without a spike" in drawn and "then none: ends with a spike" in drawn
    assert f"interpolation error, RMS {1e3 * result['held_out_rms_v']:.3f} mV" in words(page.texts["surfaces"])
    same = load_circuit(circuit).source_sha256
    assert same in page.texts["provenance"] and "their hashes agree" in page.texts["provenance"]


@pytest.mark.proof
@needs_ngspice
def test_a_table_of_another_netlist_is_told_of(captwin, tmp_path):
    replace(load_circuit("pass_transistor"), source_sha256="0" * 64).save(tmp_path / "mine.json")
    assert captwin("datasheet", "mine.json", "-o", "page.html", "--held-out", "0")[0] == 0
    page = Page((tmp_path / "page.html").read_text())
    assert "The table is not of this netlist." in words(page.texts[""])
    assert "captwin remeasure tells how far it is off" in words(page.texts["provenance"])
    assert "held-out points" not in page.texts["surfaces"]
