"""The verb that measures mismatch, and the one that draws chips from it."""

import json

import pytest

from captwin.scripts.verbs.circuit import mismatch
from captwin.sim.mismatch.model import NUMBERS, Mismatch
from captwin.sim.mismatch.shared import CHIP_NUMBERS, Shared
from tests.support.mismatch import drawn_mismatch, drawn_shared
from tests.support.needs import needs_ngspice, needs_pdk


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_model_is_written_and_told(captwin, tmp_path, monkeypatch):
    model = drawn_mismatch("gf180_pass_transistor")
    monkeypatch.setattr(mismatch, "measure_mismatch", lambda *_, **__: model)
    status, out, _ = captwin("mismatch", "gf180_pass_transistor", "--neurons", "12", "--json")
    told = json.loads(out)
    assert status == 0 and told["model"] == "gf180_pass_transistor-mismatch.json" and told["neurons"] == 12
    assert Mismatch.load(tmp_path / told["model"]) == model
    spreads = [told[name if unit != "V" else f"{name}_v"]["deviation"] for name, (_, unit) in NUMBERS.items()]
    assert spreads == pytest.approx(model.numbers.std(axis=0, ddof=1).tolist())
    status, out, _ = captwin("mismatch", "gf180_pass_transistor")
    assert status == 0 and "leak: mean" in out


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_model_of_chips_is_written_and_told(captwin, tmp_path, monkeypatch):
    model = drawn_shared("gf180_pass_transistor")
    monkeypatch.setattr(mismatch, "measure_shared", lambda *_, **__: model)
    status, out, _ = captwin("mismatch", "gf180_pass_transistor", "--chips", "12", "--json")
    told = json.loads(out)
    assert status == 0 and told["model"] == "gf180_pass_transistor-chips.json" and told["process_chips"] == 12
    assert Shared.load(tmp_path / told["model"]) == model
    spread = model.bias.numbers.std(axis=0, ddof=1)
    assert told["bias_v_ref_v"]["deviation"] == pytest.approx(spread[0])
    assert told["bias_leak"]["deviation"] == pytest.approx(spread[list(CHIP_NUMBERS).index("leak")])
    status, out, err = captwin("mismatch", "gf180_pass_transistor", "--chips", "12", "--neurons", "12")
    assert (status, out) == (1, "") and err.startswith("captwin: --neurons and --chips: each has a model of its own;")


def test_nothing_else_is_replaced(captwin, tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    drawn_mismatch("yours").save(tmp_path / "yours.json")
    for file, message in [
        ("notes.json", "notes.json: not replaced: this is no model of mismatch; name another with --output"),
        ("yours.json", "yours.json: not replaced: it holds the mismatch of yours; name another with --output"),
    ]:
        status, out, err = captwin("mismatch", "mine", "-o", file)
        assert (status, out, err) == (1, "", f"captwin: {message}\n")


@needs_ngspice
def test_a_circuit_without_a_pdk_is_one_line(captwin):
    status, out, err = captwin("mismatch", "charge_share")
    assert (status, out) == (1, "") and err.count("\n") == 1
    assert err.startswith("captwin: charge_share: its devices are those of models_180nm.lib, which state no mismatch;")


def test_fabricate_draws_neurons(captwin, tmp_path):
    drawn_mismatch("charge_share", sigma=0.002).save(tmp_path / "mine.json")
    status, out, _ = captwin("fabricate", "digits-tiny", "--process", "mine.json", "--count", "2", "--json")
    told = json.loads(out)
    assert status == 0 and told["process"] == "mismatch in gf180mcu" and told["column_change"] == 0
    drawn_shared("charge_share", sigma=0.002).save(tmp_path / "chips.json")
    status, out, _ = captwin("fabricate", "digits-tiny", "--shared", "chips.json", "--count", "2", "--json")
    told = json.loads(out)
    assert status == 0 and told["process"] == "chip to chip in gf180mcu"
    status, out, err = captwin("fabricate", "digits-tiny", "--process", "gf180mcu")
    assert (status, out) == (1, "") and err.count("\n") == 1
    assert err.startswith("captwin: --process: no mismatch is known of the chip's circuit, charge_share;")
