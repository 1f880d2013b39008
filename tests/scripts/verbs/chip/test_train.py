"""The verbs of training: several seeds, whose folder it is, what is told of silent networks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.support.locks import locked_folder
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.config import CONFIG_FOLDER
from captwin.train.zoo import CHIP_FOLDER

QUICK = ("--config", "digits-tiny", "--epochs", "1")


def test_seeds(captwin, tmp_path):
    status, out, _ = captwin("train", *QUICK, "--seeds", "2", "--seed", "4", "-o", "runs/many", "--json")
    result = json.loads(out)
    accuracies = list(result["golden_accuracies"].values())
    assert status == 0 and list(result["golden_accuracies"]) == ["4", "5"] and len(set(accuracies)) > 1
    assert result["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    assert result["std_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert (result["min_accuracy"], result["max_accuracy"]) == (min(accuracies), max(accuracies))
    folders = [f"many-seed-{seed}" for seed in (4, 5)]
    assert sorted(path.name for path in (tmp_path / "runs/many").iterdir() if path.is_dir()) == folders
    before = {path: path.read_bytes() for path in sorted((tmp_path / "runs/many").rglob("[cs]*.*[snv]"))}
    assert {path.name for path in before} >= {"seeds.json", "seeds.csv", "chip.safetensors"}
    for seed, accuracy in result["golden_accuracies"].items():
        chip = Chip.load(result["chips"][seed])
        assert chip.provenance["seed"] == int(seed) and chip.provenance["accuracy"]["test"] == accuracy
    captwin("train", *QUICK, "--seeds", "2", "--seed", "4", "-o", "runs/many")
    assert before == {path: path.read_bytes() for path in before}
    # One of them alone is the same chip.
    captwin("train", *QUICK, "--seed", "5", "-o", "alone")
    assert (tmp_path / "alone/chip.safetensors").read_bytes() == Path(result["chips"]["5"]).read_bytes()


def test_seeds_go_on(captwin, tmp_path, monkeypatch):
    several = ("train", "--config", "digits-tiny", "--epochs", "2", "--seeds", "2")
    captwin(*several, "-o", "a/many")
    epoch = loop._Run._epoch

    def interrupted(run, number, *arguments):
        if (run.config.seed, number) == (1, 1):
            raise KeyboardInterrupt
        return epoch(run, number, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "_epoch", interrupted)
        status, out, err = captwin(*several, "-o", "b/many")
    assert (status, out) == (130, "") and "interrupted" in err and not (tmp_path / "b/many/seeds.json").exists()
    assert captwin(*several, "-o", "b/many", "--resume")[0] == 0
    for name in ("seeds.json", "seeds.csv", "many-seed-1/chip.safetensors", "many-seed-2/chip.safetensors"):
        assert (tmp_path / "b/many" / name).read_bytes() == (tmp_path / "a/many" / name).read_bytes()


def test_what_a_run_tells(captwin, tmp_path):
    status, out, err = captwin("train", *QUICK, "-o", "run", "--json")
    result = json.loads(out)
    assert status == 0 and "warning" not in err and result["warnings"] == []
    assert (result["v_read_v"], result["circuit_v_read_v"]) == (0.6, 0.9)
    assert len(result["spike_rates"]) == 1 and 0 < result["spike_rates"][0] < 1
    assert json.loads((tmp_path / "run/metrics.jsonl").read_text())["epoch"] == 1
    assert "0.6 V, by the configuration in place of the circuit's 0.9 V" in captwin("train", *QUICK, "-o", "run")[1]


def test_a_silent_chip_is_told_by_every_verb(captwin, tmp_path):
    (tmp_path / "own.toml").write_text(f"v_read = 0.001\n{_without('v_read')}")
    status, _, err = captwin("train", "--config", "own.toml", "--epochs", "1", "-o", "silent")
    assert status == 0 and "captwin: warning: layer 0: no neuron ever fires; raise v_read" in err
    chip = "silent/chip.safetensors"
    status, out, err = captwin("evaluate", chip, "--json")
    result = json.loads(out)
    assert status == 0 and result["silent_neurons"] == [1.0] and result["wordless_images"] == 1.0
    assert "captwin: warning: layer 0: no neuron ever fires" in err and len(result["warnings"]) == 2
    status, _, err = captwin("verilog", chip)
    assert status == 0 and "captwin: warning: layer 0: no neuron ever fires" in err


def test_a_shipped_chip_warns_of_nothing(captwin):
    status, out, err = captwin("evaluate", "digits-tiny", "--json")
    result = json.loads(out)
    assert (status, err, result["warnings"]) == (0, "", [])
    assert result["trained_on_this_data"] is True


def test_another_configurations_chip_stays(captwin, tmp_path):
    captwin("train", *QUICK, "-o", "run")
    before = (tmp_path / "run/chip.safetensors").read_bytes()
    status, out, err = captwin("train", "--config", "digits-tiny", "--epochs", "2", "-o", "run")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "run: holds another run (made with epochs = 1, now it is 2); name another folder with --output" in err
    assert (tmp_path / "run/chip.safetensors").read_bytes() == before
    status, _, _ = captwin("train", "--config", "digits-tiny", "--epochs", "2", "-o", "run", "--overwrite")
    assert status == 0 and (tmp_path / "run/chip.safetensors").read_bytes() != before


def test_two_in_one_folder(captwin, tmp_path):
    for arguments in (
        ("train", *QUICK, "-o", "run"),
        ("study", "-o", "run"),
        ("train", *QUICK, "--seeds", "2", "-o", "run"),
    ):
        with locked_folder(tmp_path / "run"):
            status, out, err = captwin(*arguments)
        assert (status, out) == (1, "") and err.endswith(
            "another captwin works in this folder; wait for it, or name another\n"
        )


def test_data_of_the_same_name(captwin, tmp_path):
    chip = Chip.load(CHIP_FOLDER / "digits-tiny.safetensors")
    chip.provenance["data"]["sha256"] = "0" * 64
    chip.save(tmp_path / "foreign.safetensors")
    for verb in ("evaluate", "verify", "simulate", "fabricate"):
        status, out, err = captwin(verb, "foreign.safetensors")
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert "was trained on other data that is called 'digits' too" in err
    status, out, _ = captwin("evaluate", "foreign.safetensors", "--data", "digits", "--json")
    assert status == 0 and json.loads(out)["trained_on_this_data"] is False
    assert "other images or labels than these" in captwin("evaluate", "foreign.safetensors", "--data", "digits")[1]


def test_a_tables_path_is_relative_to_its_configuration(captwin, tmp_path):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/own.toml").write_text(f'circuit = "mine.json"\n{_without("circuit")}')
    status, _, err = captwin("train", "--config", "lab/own.toml", "--epochs", "1")
    assert status == 1 and "lab/mine.json" in err
    load_circuit("charge_share").save(tmp_path / "lab/mine.json")
    assert captwin("train", "--config", "lab/own.toml", "--epochs", "1")[0] == 0


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        (lambda old: np.full_like(old, np.inf), "never fires"),
        (lambda old: np.minimum(old, -1e-3), "fires without drive"),
        (lambda old: np.stack([old[0], np.full_like(old[1], -1.0)]), "stays on"),
    ],
)
@pytest.mark.parametrize("neuron", ["circuit", "ideal"])
def test_a_table_on_which_nothing_can_be_trained(captwin, tmp_path, thresholds, reason, neuron):
    table = load_circuit("charge_share")
    replace(table, thresholds=thresholds(table.thresholds)).save(tmp_path / "dud.json")
    status, out, err = captwin("train", "--data", "digits", "--circuit", "dud.json", "--neuron", neuron)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert f"captwin: charge_share: {reason}" in err
    assert [path.name for path in tmp_path.iterdir()] == ["dud.json"]


def _without(field):
    lines = (CONFIG_FOLDER / "digits-tiny.toml").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(field))


def test_where_a_real_time_core_would_fit(captwin, tmp_path):
    lines = ['data = "digits"', "hidden = [12]", "levels = 2", "sparsity = 0.5", "epochs = 1", "batch_size = 512"]
    (tmp_path / "sparse.toml").write_text("\n".join([*lines, "[direct]", "membrane_bits = 4", "drive_bits = 4"]))
    status, out, _ = captwin("train", "--config", "sparse.toml", "--board", "icebreaker", "--json")
    result = json.loads(out)
    assert status == 0 and result["nonzero_weights"] == 32 * 12 + 60
    assert result["real_time_luts"] == round(2.2 * 444 + 31 * 22) + 11 * 64 + 1_000
    assert result["real_time_share"] == {"icebreaker": pytest.approx(22 / 30)}
    status, out, err = captwin("train", "--config", "sparse.toml", "--board", "icebreaker", "--hidden", "40", "-o", "b")
    assert (status, out) == (1, "") and "about 50 block RAMs, there are 30; take fewer neurons" in err
    assert not (tmp_path / "b").exists()
    status, out, err = captwin("train", "--config", "digits", "--board", "icebreaker")
    assert (status, out) == (1, "") and err.strip().startswith("captwin: --board: real-time cores need neurons without")
