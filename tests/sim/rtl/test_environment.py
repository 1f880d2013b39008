"""Simulators in environments that would stop or change them."""

import json
import shutil
from pathlib import Path

import pytest
from cocotb_tools import config

from captwin.hw.support import tools
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import Simulator, missing_tools
from tests.support.chips import random_chip, random_pixels
from tests.support.proofs import proofs

SURPRISES = {
    "COCOTB_TESTCASE": "other",
    "COCOTB_TEST_FILTER": "other",
    "COCOTB_RESOLVE_X": "error",
    "COCOTB_LOG_LEVEL": "nonsense",
    "COCOTB_RANDOM_SEED": "nonsense",
    "GPI_USERS": "nonsense",
    "GPI_EXTRA": "nonsense",
    "PYGPI_USERS": "nonsense",
    "WAVES": "1",
    "GUI": "1",
    "SIM_CMD_PREFIX": "false",
    "PYTHONOPTIMIZE": "2",
    "PYTHONSTARTUP": "/nowhere",
    "MAKEFLAGS": "-n",
    "VERILATOR_ROOT": "/nowhere",
    "CXXFLAGS": "--nonsense",
    "YOSYS": "/nowhere",
    "LC_ALL": "C",
    "PATH": "/usr/bin:/bin",
}


@pytest.mark.parametrize("simulator", [*proofs(["verilator"]), "icarus"])
def test_surprises_and_blanks(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := missing_tools(simulator):
        pytest.skip(f"{simulator} lacks {', '.join(missing)}")
    for name, value in SURPRISES.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "größe of it"
    (folder / "temporary").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    (folder / "libs").symlink_to(config.libs_dir)
    (folder / "share").symlink_to(config.share_dir)
    if root := tools.verilator_root():
        (folder / "verilator/bin").mkdir(parents=True)
        for path in (*root.iterdir(), *(root / "bin").iterdir()):
            if path != root / "bin":
                (folder / "verilator" / path.relative_to(root)).symlink_to(path)
        # Its script asks where it really is.
        (folder / "verilator/bin/verilator").unlink()
        shutil.copy(root / "bin/verilator", folder / "verilator/bin")
        monkeypatch.setattr(tools, "_package", lambda name: folder / "verilator")
    monkeypatch.setattr(config, "libs_dir", folder / "libs")
    monkeypatch.setattr(config, "share_dir", folder / "share")
    chip = random_chip(1, sizes=(9, 6))
    outcome = simulate(chip, random_pixels(1, chip, 2), folder / "work", simulator=simulator, waves=True)
    assert outcome.mismatches == 0 and outcome.images == 2 and tools.has_blanks(outcome.verilog)
    assert outcome.waveform and outcome.waveform.is_relative_to(folder / "work/build")
    assert json.loads((folder / "work/outcome.json").read_text())["complete"]
    assert list((folder / "temporary").iterdir()) == []
