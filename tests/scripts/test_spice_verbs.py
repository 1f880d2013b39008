"""The verbs that need ngspice: a small characterisation, a small comparison, and what goes wrong with either."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.analog import bench
from sim.analog.memory import default_cache
from sim.analog.ngspice import SpiceTimeoutError
from sim.analog.table import NeuronTable
from sim.fidelity import compare
from sim.rtl.simulators import missing_tools
from train.data import load_dataset
from train.zoo import load_chip

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice: apt-get install ngspice")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    """Nothing that was simulated before is known."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@needs_ngspice
def test_characterize(captwin, tmp_path):
    status, out, _ = captwin(
        "characterize", "charge_share", "--points", "3", "--held-out", "6", "-o", "t.json", "--json"
    )
    result, table = json.loads(out), NeuronTable.load(tmp_path / "t.json")
    assert status == 0 and result["table"] == "t.json" and result["held_out_points"] == 6
    assert (table.circuit, table.surfaces.shape) == ("charge_share", (2, 3, 3))
    assert result["energy_min_j"] == pytest.approx(table.energy.min()) and result["held_out_rms_v"] < 0.02


@needs_ngspice
def test_characterize_names_what_fails(captwin, tmp_path, monkeypatch):
    whole = bench.run_deck

    def run_deck(deck, timeout):
        if "start_v=0.88\nalterparam drive=0.128\nalterparam fired=1" in deck:
            raise SpiceTimeoutError("ngspice did not end")
        return whole(deck, timeout)

    monkeypatch.setattr(bench, "run_deck", run_deck)
    status, out, err = captwin("characterize", "charge_share", "--points", "2", "-o", "t.json")
    assert (status, out) == (1, "") and not (tmp_path / "t.json").exists()
    assert (
        "1 of 8 points do not converge, or not in time: (v = 0.8800 V, u = 0.1280 V, b = 1): not in time; the others"
        in err
    )


@needs_ngspice
def test_fidelity(captwin, tmp_path, monkeypatch):
    status, out, _ = captwin("fidelity", "digits", "--images", "1", "--neurons", "2", "-o", "out", "--json")
    result = json.loads(out)
    assert status == 0 and (result["chains"], result["cycles"], result["neurons"]) == (4, 32, 4)
    assert result["class_agreement"] is None and result["spike_agreement"] > 0.9
    assert result["membrane_rms_so_far_v"] < 2e-3
    assert result["twin_neuron_energy_j"] == pytest.approx(result["neuron_energy_j"], rel=0.1)
    assert result["spice_s"] > 1000 * result["golden_s"] > 0
    if not missing_tools("verilator"):
        assert 0.5e-6 < result["gates_s"] < 10e-6
    kept = json.loads((tmp_path / "out/fidelity.json").read_text())
    assert [layer["chains"] for layer in kept["layers"]] == [2, 2]
    assert kept["membrane_rms_v"] == result["membrane_rms_v"]
    assert len((tmp_path / "out/fidelity.csv").read_text().splitlines()) == 3
    for name in ("chains", "errors", "worst"):
        assert (tmp_path / f"out/{name}.png").stat().st_size > 10_000
    # The worst chain's deck runs by itself.
    subprocess.run(["ngspice", "-b", "worst.cir"], cwd=tmp_path / "out", check=False, capture_output=True, timeout=120)
    waves = np.loadtxt(tmp_path / "out/column.txt", skiprows=1)
    assert waves[-1, 0] == pytest.approx(80e-9) and 0.5 < waves[-1, 1] < 0.9
    # Nothing is simulated twice.
    monkeypatch.setattr("sim.analog.column.run_deck", lambda *_, **__: pytest.fail("simulated again"))
    images = load_dataset("digits").test_images[:1]
    again = compare(load_chip("digits"), images, neurons=2, cache=default_cache()).summary()
    assert again.rms == pytest.approx(result["membrane_rms_v"])


def changed_chip(path: Path, **changes: object) -> None:
    chip = load_chip("digits")
    replace(chip, analog=replace(chip.analog, **changes)).save(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--images", "1000"), "digits has 360 test images"),
        (("digits", "-o", "file"), "file: cannot write results: this is a file"),
        (("nothing",), "nothing: no such chip file"),
        (("foreign.safetensors",), "mine: no netlist of that name"),
        (("supply.safetensors",), "its supply is 1.8 V, the chip's 3.3 V"),
        (("corner.safetensors",), "no corner 'xx'"),
        (("digits", "--netlist", "none.cir"), "none.cir: cannot read netlist"),
        (("digits", "--models", "none.lib"), "cannot read device models"),
        (("digits", "--data", "faces"), "no data set is called 'faces'"),
    ],
)
def test_mistake_is_one_line(captwin, tmp_path, arguments, message, monkeypatch):
    monkeypatch.setattr("sim.fidelity.require_ngspice", lambda: "ngspice")
    (tmp_path / "file").write_text("")
    changed_chip(tmp_path / "foreign.safetensors", circuit="mine")
    changed_chip(tmp_path / "supply.safetensors", supply=3.3)
    changed_chip(tmp_path / "corner.safetensors", corner="xx")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin("fidelity", *arguments)
    assert (status, out, err.strip().count("\n")) == (1, "", 0), err
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_without_ngspice(captwin, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    status, _, err = captwin("fidelity", "digits", "--images", "1")
    assert status == 1 and "ngspice is not installed; try: apt-get install ngspice" in err
