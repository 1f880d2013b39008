"""``captwin dither``: a chip file with dither, and what is not replaced."""

import json

import pytest

from captwin.hw.chip import Chip
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.devices.memcapacitor import Effects
from captwin.sim.dither import dithered, without_dither
from captwin.train.zoo import load_chip


def test_a_dithered_chip(captwin, tmp_path):
    path = tmp_path / "noisy.safetensors"
    asked = ("dither", "digits-tiny", "--comparator-noise", "3e-4", "-o", str(path))
    told = json.loads(captwin(*asked, "--json")[1])
    made = Chip.load(path)
    assert told["build_id"] == f"{made.build_id:016x}"
    assert told["dither_rms_v"] == pytest.approx([432e-6], rel=1e-2)
    assert without_dither(made).build_id == load_chip("digits-tiny").build_id
    status, out, _ = captwin(*asked)  # its own file may be made again
    assert status == 0 and "432.2 uV" in out


def test_what_is_refused(captwin, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_text("mine")
    status, out, err = captwin("dither", "digits-tiny", "-o", str(path))
    assert (status, out) == (1, "") and "not replaced: this verb did not make it of this chip" in err
    assert path.read_text() == "mine"
    # A chip that was fabricated of a dithered one tells of that, but is none of this verb's.
    chip = dithered(load_chip("digits-tiny"))
    fabricate(chip, Process(Effects(sigma_c=0.05)), seed=1).save(path)
    status, _, err = captwin("dither", "digits-tiny", "-o", str(path))
    assert status == 1 and "not replaced: this verb did not make it of this chip" in err
    status, _, err = captwin("dither", "digits-tiny", "--rms", "1e-3", "--reference-noise", "1e-3")
    assert status == 1 and "--rms: says how large the dither is; leave the options of noise away" in err
