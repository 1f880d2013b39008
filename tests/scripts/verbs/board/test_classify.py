"""``captwin classify``: what it prints is the golden model's answer to what it saved, and mistakes end in one line."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip

IMAGES = load_dataset("digits").test_images


def test_one_picture(captwin, tmp_path):
    Image.fromarray(IMAGES[0].reshape(8, 8)).save(tmp_path / "seven.png")
    status, out, err = captwin("classify", "digits", "seven.png", "--save", "seen.png", "--json")
    assert (status, err) == (0, "")
    (told,) = json.loads(out)["pictures"]
    outcome = golden.run(load_chip("digits"), IMAGES[:1])
    assert told["class"] == outcome.labels[0] and told["counts"] == outcome.counts[0].tolist()
    assert told["steps"] == outcome.steps[0] and told["warnings"] == []
    others = sorted(np.delete(outcome.counts[0], told["class"]))
    assert told["counts"][told["second"]] == others[-1]
    assert told["margin_spikes"] == told["counts"][told["class"]] - others[-1]
    assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")
    _, out, _ = captwin("classify", "digits", "seven.png")
    assert f"class {told['class']}, {told['counts'][told['class']]} spikes" in " ".join(out.split())


def test_several_pictures_and_a_hint(captwin, tmp_path):
    for number in range(3):
        Image.fromarray(255 - IMAGES[number].reshape(8, 8)).save(tmp_path / f"{number}.bmp")
    names = [f"{number}.bmp" for number in range(3)]
    status, out, err = captwin("classify", "digits", *names, "--invert", "--save", "sheet.png", "--json")
    assert (status, err) == (0, "") and (tmp_path / "sheet.png").exists()
    labels = golden.run(load_chip("digits"), IMAGES[:3]).labels
    assert [told["class"] for told in json.loads(out)["pictures"]] == labels.tolist()
    status, out, err = captwin("classify", "digits", *names)
    assert status == 0 and err.count("try --invert") == 3 and err.startswith("captwin: 0.bmp: its border is bright")
    assert all(name in out for name in names)


@pytest.mark.parametrize("readout", ["most_spikes", "first_spike"])
def test_the_second_best_is_never_the_class(captwin, tmp_path, readout):
    replace(load_chip("digits-tiny"), readout=readout).save(tmp_path / "c.safetensors")
    for number in range(12):
        Image.fromarray(IMAGES[number].reshape(8, 8)).save(tmp_path / f"{number}.png")
    _, out, _ = captwin("classify", "c.safetensors", *(f"{number}.png" for number in range(12)), "--json")
    labels = golden.run(replace(load_chip("digits-tiny"), readout=readout), IMAGES[:12]).labels
    told = json.loads(out)["pictures"]
    assert [each["class"] for each in told] == labels.tolist()
    assert all(each["second"] != each["class"] and each["margin_spikes"] >= 0 for each in told)


def test_on_a_virtual_board(captwin, tmp_path):
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    Image.fromarray(IMAGES[3].reshape(8, 8)).save(tmp_path / "p.png")
    status, out, err = captwin("classify", "digits-tiny", "p.png", "--port", "virtual", "--json")
    said = json.loads(out)
    assert status == 0 and said["mismatches"] == 0 and said["asked"].endswith("board on virtual"), err


def test_names_do_not_reach_the_terminal_raw(captwin, tmp_path):
    name = "a\x1b[2Jb.png"
    Image.fromarray(255 - IMAGES[0].reshape(8, 8)).save(tmp_path / name)
    status, out, err = captwin("classify", "digits", name, name)
    assert status == 0 and "\x1b" not in out + err and "try --invert" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "nothing.png"), "nothing.png: cannot read picture: No such file"),
        (("digits", "fifo"), "cannot read picture: this is no regular file"),
        (("digits", "text.png"), "cannot read picture: none of PNG, JPEG"),
        (("digits", "half.png"), "cannot read picture: damaged"),
        (("nothing", "whole.png"), "nothing: no such chip file"),
        (("digits", "whole.png", "--save", "folder"), "folder: cannot write: this is a folder"),
        (("digits", "whole.png", "half.png", "--save", "seen.png"), "half.png: cannot read picture: damaged"),
    ],
)
def test_mistakes(captwin, tmp_path, arguments, message):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(IMAGES[0].reshape(8, 8)).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:50])
    before = sorted(tmp_path.iterdir())
    status, out, err = captwin("classify", *arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err and sorted(tmp_path.iterdir()) == before
