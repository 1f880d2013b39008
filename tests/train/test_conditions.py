"""Training over several conditions of a circuit."""

import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.sim.corners import chip_corners
from captwin.sim.neurons.circuits import load_circuit
from captwin.train import loop
from captwin.train.conditions import condition_tables, drawn, technologies
from captwin.train.config import ConfigError, load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import build_network, train
from tests.support.corners import SHIFTS, save_tables

NAMES = ["tt_27", *(conditions.name for conditions in SHIFTS)]


@pytest.fixture
def quick(tmp_path):
    """A few epochs over all conditions of a circuit whose threshold moves by up to 30 mV."""
    save_tables(tmp_path / "mine.json", load_circuit("charge_share"))
    return load_config("digits", epochs=6, hidden=[24], circuit=str(tmp_path / "mine.json"), conditions="all")


def test_tables_are_those_that_are_named(quick):
    assert list(condition_tables(quick)) == NAMES
    assert condition_tables(quick.model_copy(update={"conditions": None})) == {}
    some = condition_tables(quick.model_copy(update={"conditions": ("ss_27",), "neuron": "ideal"}))
    assert list(some) == ["ss_27"] and some["ss_27"].circuit == "ideal twin of charge_share"
    with pytest.raises(CaptwinError, match="no table for fs, 27 deg C; there are ff at 125; ss at -40, 27; tt at 27"):
        condition_tables(quick.model_copy(update={"conditions": ("fs_27",)}))


@pytest.mark.parametrize("value", ["tt_27", "some", [], ["tt"], [27], 3, ["tt_27", "tt_warm"]])
def test_conditions_that_are_none(value):
    with pytest.raises(ConfigError, match=r"^conditions: "):
        load_config("digits", conditions=value)


def test_a_configuration_without_conditions_says_nothing_of_them():
    assert "conditions" not in load_config("digits").model_dump()
    config = load_config("digits", conditions=["ss_-40.0", "tt_27", "ss_-40"])
    assert config.conditions == ("ss_-40", "tt_27")
    assert config.model_dump(mode="json")["conditions"] == ["ss_-40", "tt_27"]


def test_each_condition_has_its_share_of_the_batches(quick):
    network = build_network(quick, load_dataset("digits"), load_circuit(quick.circuit))
    places = technologies(network, condition_tables(quick))

    def some(seed: int) -> list[str]:
        generator = torch.Generator().manual_seed(seed)
        return [f"{place.table.corner}_{place.table.temperature:g}" for place in islice(drawn(places, generator), 40)]

    rounds = [tuple(some(3)[start : start + 4]) for start in range(0, 40, 4)]
    assert all(set(names) == set(NAMES) for names in rounds) and len(set(rounds)) > 3
    assert some(3) == some(3) != some(4)
    # One table alone takes no random number, so that such runs are what they were.
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    next(drawn(places[:1], generator))
    assert (generator.get_state() == before).all()


def test_tables_of_other_drives_are_refused_before_training(quick, tmp_path):
    table = load_circuit(quick.circuit, "ss", 27)
    replace(table, u=1.5 * table.u).save(tmp_path / "mine/ss_27.json")
    with pytest.raises(CaptwinError, match=r"its drives go from -0.128 to 0.128 V, those of the table of charge"):
        train(quick, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_chip_trained_over_conditions_works_under_all_of_them(quick, tmp_path):
    digits = load_dataset("digits")

    def everywhere(chip: Chip) -> dict[str, float]:
        places = chip_corners(chip, digits.test_images, digits.test_labels, circuit=quick.circuit)
        return {at.conditions.name: at.evaluation.accuracy for at in places}

    result = train(quick, tmp_path / "over")
    over = everywhere(result.chip)
    assert result.conditions == over and list(over) == NAMES
    alone = train(quick.model_copy(update={"conditions": None}), tmp_path / "alone")
    elsewhere = everywhere(alone.chip)
    assert alone.conditions == {} and min(over.values()) > min(elsewhere.values()) + 0.1
    assert np.mean(list(over.values())) > np.mean(list(elsewhere.values())) + 0.1
    chip = Chip.load(result.chip_path)
    assert chip.provenance["accuracy"]["conditions"] == over
    assert chip.provenance["accuracy"]["test"] == over["tt_27"] == result.test_accuracy
    assert chip.provenance["config"]["conditions"] == "all" and set(chip.provenance["conditions"]) == set(NAMES)
    assert chip.provenance["conditions"]["tt_27"] == chip.analog.table_sha256
    assert json.loads((tmp_path / "over/config.json").read_text())["conditions"] == "all"
    assert "conditions" not in Chip.load(alone.chip_path).provenance


class _Interrupted(loop._Run):
    """Somebody presses Ctrl-C in the second epoch."""

    def _epoch(self, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return super()._epoch(epoch, *arguments)


def test_one_seed_gives_one_file_and_other_tables_are_another_run(quick, tmp_path, monkeypatch):
    quick = quick.model_copy(update={"epochs": 2})
    whole = train(quick, tmp_path / "whole").chip_path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_Run", _Interrupted)
        train(quick, tmp_path / "run")
    (tmp_path / "mine/ss_27.json").rename(tmp_path / "kept.json")
    with pytest.raises(CaptwinError, match="made with another neuron table of some conditions"):
        train(quick, tmp_path / "run", resume=True)
    (tmp_path / "kept.json").rename(tmp_path / "mine/ss_27.json")
    assert train(quick, tmp_path / "run", resume=True).chip_path.read_bytes() == whole
