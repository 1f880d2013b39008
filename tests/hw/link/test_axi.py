"""The core behind AXI4-Stream, as Verilog in Icarus."""

import json
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.axi import AxiStreamCore
from captwin.hw.link.protocol import answer_parts, unpack
from captwin.hw.verilog import convert
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.testbench.launch import run_testbench
from tests.support.chips import random_chip, random_pixels


@pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed")
@pytest.mark.parametrize(("classes", "lanes", "misplace"), [(3, 4, False), (4, 1, True)])
def test_answers(classes: int, lanes: int, misplace: bool, tmp_path: Path) -> None:
    chip = random_chip(classes, sizes=(13, 6, classes))
    pixels = random_pixels(1, chip, 6)
    (tmp_path / "core.v").write_text(convert(AxiStreamCore(Core(chip, CoreOptions(lanes, 1, 2))), "captwin_axi"))
    job = {"images": pixels.tolist(), "lanes": lanes, "seed": 3, "misplace": misplace}
    (tmp_path / "job.json").write_text(json.dumps(job))
    run_testbench("icarus", [tmp_path / "core.v"], "captwin_axi", "tests.hw.link.axi_testbench", tmp_path)
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    expected = golden.run(chip, pixels)
    for n, packet in enumerate(outcome["packets"]):
        numbers = unpack(answer_parts(classes), bytes.fromhex(packet))
        assert numbers["label"] == (expected.labels[n],) and numbers["steps"] == (expected.steps[n],)
        assert np.array_equal(numbers["counts"], expected.counts[n])
        assert np.array_equal(numbers["membranes"], expected.membranes[n])
    assert len(outcome["packets"]) == len(pixels)
    assert outcome["misaligned"] == misplace
