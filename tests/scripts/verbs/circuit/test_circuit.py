"""The verbs that need ngspice: a small characterisation, a small comparison, and what goes wrong with either."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.sim.fidelity.compare import compare
from captwin.sim.neurons.circuits import circuit_conditions, load_circuit
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.spice.benches import bench
from captwin.sim.spice.benches.bench import NETLISTS
from captwin.sim.spice.benches.bench_file import alter_row
from captwin.sim.spice.memory import default_cache
from captwin.sim.spice.ngspice import SpiceTimeoutError
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.needs import needs_ngspice, needs_pdk
from tests.support.tables import small_table


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
    assert (table.circuit, table.surfaces.shape) == ("charge_share", (2, 2, 3, 3))
    assert result["energy_min_j"] == pytest.approx(table.energy.min()) and result["held_out_rms_v"] < 0.02


NETLIST = (NETLISTS / "charge_share.cir").read_text()
FIGURES = "threshold_v threshold_after_spike_v hysteresis_v drive_share leak rest_shift_v reset_left reset_error_v"


@needs_ngspice
def test_characterize_gives_a_verdict(captwin):
    arguments = ("characterize", "charge_share", "--points", "5", "--held-out", "5", "-o", "t.json")
    status, out, _ = captwin(*arguments, "--json")
    result = json.loads(out)
    assert status == 0 and result["usable"] and result["warnings"] == []
    assert result["threshold_v"] == pytest.approx(0.0186, abs=1e-3)
    assert all(isinstance(result[key], float) for key in FIGURES.split())
    assert result["near_threshold_points"] == 5 and result["near_threshold_v"] == pytest.approx(0.256 / 32)
    status, out, _ = captwin(*arguments)
    assert "a network can work on this neuron" in out and "spikes foretold within 8.0 mV of the threshold" in out


@needs_ngspice
@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("", "", "never fires"),
        ("v_ref=0.72", "v_ref=0.80", "fires without drive"),
        # The latch cannot be overwritten: a neuron that has spiked goes on.
        ("xl1_n   spike_n spike   0     0   nch w=0.5u", "xl1_n   spike_n spike   0     0   nch w=90u", "stays on"),
    ],
)
def test_characterize_says_of_which_use_a_neuron_is(captwin, tmp_path, old, new, verdict):
    changed = NETLIST.replace(old, new)
    if verdict == "never fires":  # neither pull-down of the comparator conducts
        changed = re.sub(r"mem( +)(foot|fhys) 0", r"0\1\2 0", NETLIST)
    assert changed != NETLIST
    (tmp_path / "own.cir").write_text(changed)
    arguments = ("characterize", "own", "--netlist", "own.cir", "--points", "3", "--held-out", "2", "--json")
    status, out, err = captwin(*arguments)
    assert status == 0, err
    result = json.loads(out)
    assert not result["usable"] and result["verdict"].startswith(verdict)
    if verdict == "never fires":
        assert result["held_out_spikes"] is None and result["threshold_v"] is None


@needs_ngspice
def test_characterize_replaces_tables_alone(captwin, tmp_path):
    arguments = ("characterize", "charge_share", "--points", "2", "--held-out", "1")
    (tmp_path / "charge_share.json").write_text('{"mine": 1}')
    status, _, err = captwin(*arguments)
    assert status == 1 and "charge_share.json: not replaced: this is no neuron table; name another" in err
    assert (tmp_path / "charge_share.json").read_text() == '{"mine": 1}'
    for _ in range(2):
        assert captwin(*arguments, "-o", "t.json")[0] == 0


@needs_ngspice
@pytest.mark.parametrize("option", ["--netlist", "--models"])
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("pipe", "pipe: cannot read .*: this is no regular file"),
        ("/dev/zero", "/dev/zero: cannot read .*: this is no regular file"),
        (".", "cannot read"),
        ("none.cir", "none.cir: cannot read .*: No such file"),
        ("huge.cir", "huge.cir: cannot read .* bytes are more than"),
        ("binary.cir", "binary.cir, line 1: no SPICE text"),
        ("own.cir", r"own.cir, line 2: .control: .*; take the block out, or run the file yourself: ngspice -b FILE"),
        ("pwned.cir", r"pwned.cir, line 2: .control: "),
    ],
)
def test_files_that_are_no_netlists_are_one_line(captwin, tmp_path, option, file, message):
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge.cir").open("wb") as huge:
        huge.truncate(1 << 36)
    (tmp_path / "binary.cir").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "own.cir").write_text(f"* own\n.control\nquit\n.endc\n{NETLIST}")
    (tmp_path / "pwned.cir").write_text(f"* own\n.control\nshell touch mark\n.endc\n{NETLIST}")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin("characterize", "charge_share", option, file, "--points", "2")
    assert (status, out, err.strip().count("\n")) == (1, "", 0), err
    assert re.search(message, err), err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["a\n.control\nshell touch mark\n.endc\n*", "dir/x", "\x1b[31m", "", "größe", "x" * 81]
)
def test_circuits_have_plain_names(captwin, tmp_path, name):
    status, out, err = captwin("characterize", name, "--points", "2")
    assert (status, out, err.strip().count("\n")) == (1, "", 0), err
    assert "expected a plain name" in err and "goes to --netlist" in err and "\x1b" not in err
    assert list(tmp_path.iterdir()) == []


@needs_ngspice
def test_characterize_names_what_fails(captwin, tmp_path, monkeypatch):
    whole = bench.run_deck

    def run_deck(deck, timeout):
        for cycles in deck.split("alterparam start_v=")[1:]:  # of one start each
            at_drive = "drive=0.128\n" in cycles or alter_row(0.128) in cycles
            if cycles.startswith("0.88\n") and "fired=1\n" in cycles and at_drive:
                raise SpiceTimeoutError("ngspice did not end")
        return whole(deck, timeout)

    monkeypatch.setattr(bench, "run_deck", run_deck)
    monkeypatch.setenv("CAPTWIN_CACHE", str(tmp_path / "cache"))
    status, out, err = captwin("characterize", "charge_share", "--points", "2", "-o", "t.json")
    assert (status, out) == (1, "") and not (tmp_path / "t.json").exists()
    assert (
        "1 of 8 points do not converge, or not in time: (v = 0.8800 V, u = 0.1280 V, b = 1): not in time; the others"
        in err
    )


SEVERAL = ("characterize", "charge_share", "--points", "2", "--corners", "tt,ss", "--temperatures", "-40,27")


@needs_ngspice
def test_characterize_several_conditions(captwin, tmp_path):
    """A table for each in the place where it is looked for, the same that is measured alone."""
    status, out, _ = captwin(*SEVERAL, "--json")
    result = json.loads(out)
    assert status == 0 and list(result) == ["tt_-40", "tt_27", "ss_-40", "ss_27"]
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")}
    assert names == {"charge_share.json", *(f"charge_share/{name}.json" for name in ("tt_-40", "ss_-40", "ss_27"))}
    assert [each.name for each in circuit_conditions("charge_share.json")] == ["tt_27", "ss_-40", "ss_27", "tt_-40"]
    assert result["ss_-40"]["verdict"].startswith("never fires") and result["tt_27"]["usable"]
    table = load_circuit("charge_share.json", "ss", 27)
    assert result["ss_27"]["energy_median_j"] == np.median(table.energy)
    captwin("characterize", "charge_share", "--points", "2", "--held-out", "1", "--corner", "ss", "-o", "t.json")
    assert NeuronTable.load(tmp_path / "t.json").circuit_sha256 == table.circuit_sha256
    status, out, _ = captwin(*SEVERAL)
    assert status == 0 and "never fires: no drive of the table, -128 to 128 mV" in out


@needs_ngspice
def test_conditions_that_fail_do_not_stop_the_others(captwin, tmp_path, monkeypatch):
    whole = bench.run_deck

    def run_deck(deck, timeout):
        if ".temp -40" in deck and "alterparam" in deck:
            raise SpiceTimeoutError("ngspice did not end")
        return whole(deck, timeout)

    monkeypatch.setattr(bench, "run_deck", run_deck)
    monkeypatch.setenv("CAPTWIN_CACHE", str(tmp_path / "cache"))
    status, out, err = captwin(*SEVERAL)
    assert status == 1 and "failed: charge_share: 8 of 8 points do not converge, or not in time" in out
    assert "captwin: tt, -40 deg C: charge_share: 8 of 8 points" in err
    assert "(ss at -40; tt at -40 deg C failed; the other tables are written)" in err
    assert [each.name for each in circuit_conditions("charge_share.json")] == ["tt_27", "ss_27"]


@pytest.mark.parametrize(("corners", "temperatures"), [("tt", "warm"), ("tt", "-300"), ("t/t", "27"), ("tt,", "27")])
def test_wrong_conditions_are_one_line(captwin, tmp_path, corners, temperatures):
    arguments = ("--corners", corners, "--temperatures", temperatures)
    status, out, err = captwin("characterize", "charge_share", *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1) and list(tmp_path.iterdir()) == []


@needs_ngspice
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "b"), "b: tables of several conditions need a name that ends in .json; name b.json"),
        (
            ("-o", "mine.json", "--corners", "ss"),
            "mine.json: a circuit is found by its table at tt, 27 deg C, which is",
        ),
        (
            ("-o", "taken.json"),
            "taken: the tables of other conditions belong into a folder of this name; this is a file",
        ),
        (("-o", "other.json"), "other.json: not replaced: it holds other at tt, 27 deg C; name another with --output"),
        (("-o", "mine.json", "--corners", "tt,zz"), "no corner 'zz'; its sections are"),
    ],
)
def test_tables_of_several_conditions_have_their_places(captwin, tmp_path, arguments, message):
    (tmp_path / "taken").write_text("a diary")
    replace(small_table(), circuit="other").save(tmp_path / "other.json")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    status, out, err = captwin(*SEVERAL, *arguments)
    assert status == 1 and not out and message in err.splitlines()[-1]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.proof
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
    assert result["v_read_v"] == 0.6
    # The worst chain's deck runs by itself, anywhere: it names no file.
    circuit = (tmp_path / "out/worst.cir").read_text().partition("\n")[2].partition(".control")[0]
    assert not re.search(r"[.](inc|lib)|\.\.|/work|/tmp|/home|/usr", circuit)
    subprocess.run(["ngspice", "-b", "worst.cir"], cwd=tmp_path / "out", check=False, capture_output=True, timeout=120)
    waves = np.loadtxt(tmp_path / "out/column.txt", skiprows=1)
    assert waves[-1, 0] == pytest.approx(80e-9) and 0.5 < waves[-1, 1] < 0.9
    # Nothing is simulated twice.
    monkeypatch.setattr("captwin.sim.spice.benches.column.run_deck", lambda *_, **__: pytest.fail("simulated again"))
    images = load_dataset("digits").test_images[:1]
    again = compare(load_chip("digits"), images, neurons=2, cache=default_cache()).summary()
    assert again.rms == pytest.approx(result["membrane_rms_v"])


@pytest.mark.proof
@needs_ngspice
@needs_pdk("gf180mcu")
def test_fidelity_with_noise(captwin):
    """On a circuit whose columns remember nothing, so that models differ by little but the noise's own model."""
    noise = ("--noise", "--comparator-noise", "3e-4", "--reference-noise", "1e-3")
    status, out, _ = captwin("fidelity", "digits-gf180", "--images", "3", "--neurons", "4", *noise, "--json")
    told = json.loads(out)
    assert status == 0 and told["noise"] == "kT/C, comparator 0.3 mV, reference 1 mV, seed 1"
    assert told["noise_cycles"] > 100 and told["noise_spice_rms_v"] > 5e-4
    assert told["noise_twin_rms_v"] == pytest.approx(told["noise_spice_rms_v"], rel=0.1)
    assert told["noise_difference_rms_v"] < 0.3 * told["noise_spice_rms_v"]


def changed_chip(path: Path, **changes: object) -> None:
    chip = load_chip("digits")
    replace(chip, analog=replace(chip.analog, **changes)).save(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--images", "1000"), "digits has 360 test images"),
        (("digits", "-o", "file"), "file: cannot write results: this is a file"),
        (
            ("digits", "-o", "mine"),
            "mine/worst.cir: not overwritten: this is no spice deck file as captwin writes it; name",
        ),
        (("nothing",), "nothing: no such chip file"),
        (("foreign.safetensors",), "mine: no netlist of that name"),
        pytest.param(("supply.safetensors",), "its supply is 1.8 V, the chip's 3.3 V", marks=needs_ngspice),
        (("corner.safetensors",), "no corner 'xx'"),
        (("digits", "--netlist", "none.cir"), "none.cir: cannot read netlist"),
        (("digits", "--models", "none.lib"), "cannot read device models"),
        (("digits", "--data", "faces"), "no data set is called 'faces'"),
        (("digits", "--reference-noise", "1e-3"), "--reference-noise: is for runs with noise; give --noise too"),
        (("digits", "--noise", "--comparator-noise", "2"), "comparator noise: must lie in 0 to 1 V, got 2"),
    ],
)
def test_mistake_is_one_line(captwin, tmp_path, arguments, message, monkeypatch):
    monkeypatch.setattr("captwin.sim.fidelity.compare.require_ngspice", lambda: "ngspice")
    (tmp_path / "file").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/worst.cir").write_text("* of a user's\n")
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
