"""The study's verb, with accuracies that are made up: what it sums up and writes."""

import csv
import json
from itertools import product

import pytest

from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.train.studies.study import Outcome

#: accuracy of each way of training and running, for seed 1; seed 2 has a hundredth more
ACCURACY = {("ideal", "ideal twin"): 0.95, ("ideal", "circuit"): 0.9, ("aware", "circuit"): 0.94}


def made_up(data, circuits, seeds, cache, **_):
    return [
        Outcome(circuit, mapping, 16, 10.0, trained, seed, where, 0.0, accuracy + 0.01 * (seed - 1))
        for circuit, mapping, seed in product(circuits, ("one_sided", "complementary"), range(1, seeds + 1))
        for (trained, where), accuracy in ACCURACY.items()
    ]


def test_summary(captwin, tmp_path, monkeypatch):
    monkeypatch.setattr("captwin.scripts.verbs.chip.study.run", made_up)
    status, out, _ = captwin("study", "--seeds", "2", "-o", "here", "--json")
    result = json.loads(out)
    assert status == 0
    for name in circuit_names():
        assert result[f"{name}_one_sided_ideal_on_ideal"] == pytest.approx(0.955)
        assert result[f"{name}_complementary_aware_on_circuit"] == pytest.approx(0.945)
    with (tmp_path / "here/study.csv").open() as file:
        assert len(list(csv.DictReader(file))) == result["outcomes"] == 12 * len(circuit_names())
    assert (tmp_path / "here/study.png").read_bytes().startswith(b"\x89PNG")
    _, table, _ = captwin("study", "--seeds", "2", "-o", "here")
    pairs = 2 * len(circuit_names())  # of circuits and mappings
    assert table.count("95.50 % (95.00 to 96.00)\n") + table.count("95.50 % (95.00 to 96.00) ") == pairs
    assert table.count("90.50 % (90.00 to 91.00), -5.00 points") == pairs
    assert table.count("94.50 % (94.00 to 95.00), -1.00 points") == pairs


def test_chosen_circuits(captwin, tmp_path, monkeypatch):
    monkeypatch.setattr("captwin.scripts.verbs.chip.study.run", made_up)
    load_circuit("charge_share").save(tmp_path / "mine.json")
    status, out, _ = captwin(
        "study", "--circuits", "pass_transistor, mine.json", "--seeds", "1", "-o", "here", "--json"
    )
    result = json.loads(out)
    assert status == 0 and result["outcomes"] == 12
    assert "pass_transistor_one_sided_ideal_on_ideal" in result and "mine.json_one_sided_ideal_on_ideal" in result
    status, out, err = captwin("study", "--circuits", "pass_transistor,none", "-o", "there")
    assert status == 1 and not out and "circuit: no table file 'none', nor a reference circuit" in err
    assert not (tmp_path / "there").exists()
