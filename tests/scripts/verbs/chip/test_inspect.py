"""``captwin inspect``: kinds are known by content, figures are those of the models, mistakes end in one line."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.scripts.quantities import energy_text
from captwin.sim import energy
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.verdict import judge
from captwin.sim.spice.benches.bench import NETLISTS
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip
from tests.support.needs import needs_ngspice
from tests.support.proofs import proofs
from tests.support.tables import small_table

PNG = b"\x89PNG\r\n\x1a\n"


def pictures(folder: Path) -> list[str]:
    assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())
    return sorted(path.name for path in folder.iterdir())


def test_a_chip(captwin, tmp_path):
    status, out, err = captwin("inspect", "digits", "-o", "seen", "--json")
    assert status == 0, err
    said, chip = json.loads(out), load_chip("digits")
    assert said["build_id"] == f"{chip.build_id:016x}" and said["sizes"] == [64, 64, 10] and said["image"] == [8, 8]
    assert pictures(tmp_path / "seen") == ["neurons0.png", "neurons1.png", "weights.png"]
    for told, layer in zip(said["layers"], chip.layers, strict=True):
        assert told["pairs"] == layer.charges.size and told["charges_zero"] == (layer.charges == 0).mean()
        assert told["row_event_energy_j"] == energy.row_energies(layer, chip.analog).mean()
        assert told["c_pair_max_f"] == max(layer.c_plus.max(), layer.c_minus.max())
    assert said["provenance"] == chip.provenance
    _, out, _ = captwin("inspect", "digits")
    words = " ".join(out.split())
    assert "64-64-10, images of 8 x 8 pixels" in words and "96.94 %, by its file" in words
    assert f"energy of a row event {energy_text(said['layers'][1]['row_event_energy_j'])}" in words
    # The threshold of the chip's integers is that of the table that they were made from.
    firing = load_circuit("charge_share").firing_drive
    assert said["layers"][0]["threshold_v"] == pytest.approx(firing, abs=1e-4)


def test_where_a_chip_fits(captwin):
    status, out, _ = captwin("inspect", "digits-tiny", "--boards", "--json")
    boards = json.loads(out)["boards"]
    assert status == 0 and boards["icebreaker"]["fits"] and boards["icebreaker"]["multipliers"] == 7
    estimated = json.loads(captwin("estimate", "digits-tiny", "--board", "icebreaker", "--images", "2", "--json")[1])
    assert estimated["luts"] == boards["icebreaker"]["luts"]


@pytest.mark.parametrize("seed", [0, *proofs(range(1, 6))])
def test_any_chip(captwin, tmp_path, seed):
    random_chip(seed).save(tmp_path / "any.safetensors")
    for arguments in (("--json",), ("-o", "seen")):
        status, out, err = captwin("inspect", "any.safetensors", *arguments)
        assert status == 0 and out, err
    assert "weights.png" in pictures(tmp_path / "seen")


def test_a_chip_whose_file_says_nothing_or_nonsense(captwin, tmp_path):
    chip = load_chip("digits-tiny")
    harm = {"data": {"name": ["digits"]}, "accuracy": {"test": "much"}, "config": 3, "versions": ["a"]}
    for provenance in ({}, harm):
        replace(chip, provenance=provenance).save(tmp_path / "c.safetensors")
        status, out, _ = captwin("inspect", "c.safetensors")
        assert status == 0 and "a chip" in out


def test_a_table(captwin, tmp_path):
    status, out, err = captwin("inspect", "charge_share", "-o", "seen", "--json")
    assert status == 0, err
    said, table = json.loads(out), load_circuit("charge_share")
    verdict = judge(table)
    for key, value in (
        ("threshold_v", verdict.threshold),
        ("threshold_after_spike_v", verdict.threshold_after_spike),
        ("leak", verdict.leak),
        ("hysteresis_v", verdict.hysteresis),
        ("reset_left", verdict.reset_left),
    ):
        assert said[key] == value is not None
    assert said["v_axis_v"] == [0.56, 0.88, 33] and said["energy_j"][0] == table.energy.min()
    assert pictures(tmp_path / "seen") == ["table.png"]


def test_a_table_that_never_fires(captwin, tmp_path):
    table = small_table()
    replace(table, thresholds=np.full_like(table.thresholds, np.inf), energy=None).save(tmp_path / "mute.json")
    status, out, err = captwin("inspect", "mute.json", "-o", "seen")
    words = " ".join(out.split())
    assert status == 0 and "threshold from rest no drive of the table makes one" in words, err
    assert "verdict never fires" in words and "not in the table" in words
    assert pictures(tmp_path / "seen") == ["table.png"]


def test_two_tables_over_each_other(captwin, tmp_path):
    table = small_table()
    table.save(tmp_path / "a.json")
    replace(table, surfaces=table.surfaces + 0.001).save(tmp_path / "b.json")
    status, out, err = captwin("inspect", "a.json", "b.json", "-o", "seen", "--json")
    assert status == 0, err
    said = json.loads(out)
    assert said["membrane_rms_v"] == pytest.approx(0.001) == said["membrane_worst_v"] and said["same_decision"] == 1
    assert said["same"] is False and said["threshold_v"][0] == judge(table).threshold
    assert pictures(tmp_path / "seen") == ["difference.png"]
    status, out, _ = captwin("inspect", "charge_share", "pass_transistor", "--json")
    assert status == 0 and json.loads(out)["membrane_rms_v"] > 0.01


@needs_ngspice
def test_a_netlist(captwin, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copy(NETLISTS / "pass_transistor.cir", tmp_path / "mine.txt")
    status, out, err = captwin("inspect", "mine.txt", "-o", "seen", "--json")
    assert status == 0, err
    said, table = json.loads(out), load_circuit("pass_transistor")
    assert said["circuit"] == "mine" and said["threshold_v"] == pytest.approx(table.firing_drive, abs=1e-3)
    assert said["supply_v"] == table.supply and said["c_column_f"] == table.c_column
    assert pictures(tmp_path / "seen") == ["sweep.png", "transient.png"]


def test_kinds_are_known_by_content(captwin, tmp_path):
    load_chip("digits-tiny").save(tmp_path / "chip.json")
    small_table().save(tmp_path / "table.safetensors")
    for name, kind in (("chip.json", "a chip"), ("table.safetensors", "a neuron table")):
        status, out, err = captwin("inspect", name, "--json")
        assert (status, json.loads(out)["kind"]) == (0, kind), err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "nothing: no such file; chips and circuits with a name are digits,"),
        ((".",), "cannot read file: "),
        (("fifo",), "cannot read file: this is no regular file"),
        (("noise",), "noise: holds no chip (safetensors), no neuron table (JSON) and no netlist (.subckt neuron)"),
        (("empty",), "empty: holds no chip"),
        (("half.safetensors",), "half.safetensors: "),
        (("other.json",), "other.json: format: expected 'captwin-neuron-table'"),
        pytest.param(("wrong.cir",), "wrong.cir: ", marks=needs_ngspice),
        (("digits", "digits-tiny"), "are chips; try: captwin compare digits digits-tiny"),
        (("digits", "charge_share"), "digits is a chip, charge_share a neuron table"),
        (("charge_share", "noise"), "noise: holds no chip"),
        (
            ("digits", "--temperature", "85"),
            "--models, --pdk, --corner and --temperature are for netlists; this is a chip",
        ),
        (("charge_share", "--boards"), "--boards is for chips; this is a neuron table"),
        (("digits", "-o", "noise"), "noise: cannot write results: this is a file"),
    ],
)
def test_mistakes(captwin, tmp_path, arguments, message):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "noise").write_bytes(bytes(range(256)))
    (tmp_path / "empty").touch()
    (tmp_path / "other.json").write_text('{"format": "other"}')
    (tmp_path / "wrong.cir").write_text("* mine\n.subckt neuron in out\n.ends\n")
    load_chip("digits-tiny").save(tmp_path / "whole")
    (tmp_path / "half.safetensors").write_bytes((tmp_path / "whole").read_bytes()[:9000])
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin("inspect", *arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err and sorted(tmp_path.rglob("*")) == before


def test_the_original_is_left_alone(captwin, tmp_path):
    load_chip("digits-tiny").save(tmp_path / "c.safetensors")
    before = (tmp_path / "c.safetensors").read_bytes()
    assert captwin("inspect", "c.safetensors", "-o", ".")[0] == 0
    assert (tmp_path / "c.safetensors").read_bytes() == before
    assert Chip.load(tmp_path / "c.safetensors").build_id == load_chip("digits-tiny").build_id
