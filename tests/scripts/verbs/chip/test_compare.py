"""``captwin compare``: the figures are those of golden and energy model, and chips of different tasks are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from captwin.sim import energy, golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip


def test_two_chips(captwin, tmp_path):
    status, out, err = captwin("compare", "digits", "digits-tiny", "--sheet", "sheet.png", "--json")
    assert status == 0, err
    said, data = json.loads(out), load_dataset("digits")
    chips = [load_chip(name) for name in ("digits", "digits-tiny")]
    answers = [golden.run(chip, data.test_images).labels for chip in chips]
    right = [labels == data.test_labels for labels in answers]
    assert said["golden_accuracy"] == [share.mean() for share in right]
    assert (
        said["only_first_right"] == (right[0] & ~right[1]).sum()
        and said["neither_right"] == (~right[0] & ~right[1]).sum()
    )
    assert [each["image"] for each in said["differing_images"]] == np.flatnonzero(answers[0] != answers[1]).tolist()
    for each in said["differing_images"]:
        assert [each["first"], each["second"]] == [labels[each["image"]] for labels in answers]
        assert each["truth"] == data.test_labels[each["image"]]
    assert said["energy_j"] == [energy.measure(chip, data.test_images).total.mean() for chip in chips]
    assert said["synapses"] == [4736, 640] and 0 < said["mcnemar_p"] < 1
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    _, out, _ = captwin("compare", "digits", "digits-tiny")
    assert "64-64-10 | 64-10" in out and "may well be chance" in out and "4 (7: 7/5)" in out


def test_areas_are_the_estimates(captwin):
    status, out, err = captwin("compare", "digits-small", "digits-tiny", "--board", "icebreaker", "--json")
    said = json.loads(out)
    estimated = json.loads(captwin("estimate", "digits-tiny", "--board", "icebreaker", "--images", "2", "--json")[1])
    assert status == 0 and said["luts"][1] == estimated["luts"] and said["fits"] == [True, True], err


def test_the_same_chip_twice(captwin):
    status, out, _ = captwin("compare", "digits-tiny", "digits-tiny", "--sheet", "sheet.png", "--json")
    said = json.loads(out)
    assert status == 0 and said["differing"] == 0 and said["mcnemar_p"] == 1 and said["energy_ratio"] == 1


def test_chips_without_energy(captwin, tmp_path):
    chip = load_chip("digits-tiny")
    mute = replace(chip, layers=tuple(replace(layer, energy=None) for layer in chip.layers))
    mute.save(tmp_path / "mute.safetensors")
    status, out, _ = captwin("compare", "digits-tiny", "mute.safetensors", "--json")
    energies = json.loads(out)["energy_j"]
    assert status == 0 and energies[0] > 0 and energies[1] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "mnist"), "the chips take different images, 8 x 8 and 28 x 28 pixels"),
        (("digits", "foreign.safetensors"), "digits was trained on 'digits', foreign.safetensors on 'faces'; name one"),
        (("digits", "untold.safetensors"), "does not say what data it was trained on"),
        (("digits", "nothing"), "nothing: no such chip file"),
        (("digits", "digits", "--board", "zx81"), "zx81: no such board"),
        (("digits", "digits", "--data", "faces"), "no data set is called 'faces'"),
        (("digits", "digits", "--sheet", "."), "cannot write: this is a folder"),
    ],
)
def test_mistakes(captwin, tmp_path, arguments, message):
    chip = load_chip("digits-tiny")
    replace(chip, provenance={"data": {"name": "faces"}}).save(tmp_path / "foreign.safetensors")
    replace(chip, provenance={}).save(tmp_path / "untold.safetensors")
    before = sorted(tmp_path.iterdir())
    status, out, err = captwin("compare", *arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err and sorted(tmp_path.iterdir()) == before
