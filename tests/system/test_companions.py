"""What ``captwin verilog --with`` writes: it compiles, runs, and finds what is wrong."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.export.companions import constraints, fusesoc, instance
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.generated import kind_of, marked
from captwin.hw.verilog import verilog_files
from captwin.sim.rtl.simulators import MAKE_FLAGS, require
from captwin.sim.rtl.testbench.plain import checking_testbench
from tests.support.chips import SMALL, random_chip, random_pixels
from tests.support.lint import WITHOUT, complaints
from tests.support.proofs import proofs

pytestmark = pytest.mark.skipif(bool(WITHOUT), reason=", ".join(WITHOUT))

CHIP = random_chip(21, sizes=(13, 6, 3), kind="rate", readout="most_spikes", formats=SMALL)
PIXELS = np.maximum(random_pixels(21, CHIP, 4), 100).astype(np.uint8)
CORES = {
    "streams": (CoreOptions(4, 1, 2), False),
    "everything": (CoreOptions(8, 2, 1, trace=True, loadable=True), False),
    "axi": (CoreOptions(2, 1, 2), True),
}


def write(folder: Path, kind: str) -> str:
    """A core and its testbench; the name of its top."""
    options, axi_stream = CORES[kind]
    sidecar, files = verilog_files(Core(CHIP, options), Path("core.v"), axi_stream=axi_stream, top=kind)
    files |= {
        Path("core_tb.v"): checking_testbench(CHIP, sidecar, PIXELS, "core.v", "core_tb.v"),
        Path("core_instance.vh"): instance(sidecar),
    }
    for path, text in files.items():
        (folder / path).write_text(marked(text))
    return kind


def simulate(folder: Path, top: str, *arguments: str) -> tuple[int, str]:
    command = ["iverilog", "-g2005", "-s", f"{top}_tb", *arguments, "-o", "tb.vvp", "core.v", "core_tb.v"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("kind", proofs(["everything", "streams", "axi"]))
def test_testbench(kind: str, tmp_path: Path) -> None:
    top = write(tmp_path, kind)
    assert complaints(tmp_path, ["core.v", "core_tb.v"], f"{top}_tb", ("verilator", "icarus")) == []
    cycles = set()
    for seed in (1, 2):
        status, text = simulate(tmp_path, top, f"-P{top}_tb.SEED={seed}")
        assert status == 0 and "PASS: 4 images" in text and "FAIL" not in text, text
        cycles.add(text)
    assert len(cycles) > 1  # the pauses come at other times
    bench = (tmp_path / "core_tb.v").read_text()
    # One bit of any answer expected to be otherwise, an answer that is expected once more, one fewer.
    places = re.findall(r"answers\[\d+\] = \d+'h[0-9a-f]+;", bench)
    for place in (places[0], places[-1]):
        value = place.split("'h")[1].rstrip(";")
        other = place.replace(f"'h{value};", f"'h{int(value, 16) ^ 1:x};")
        (tmp_path / "core_tb.v").write_text(bench.replace(place, other))
        status, text = simulate(tmp_path, top)
        assert status != 0 and "FAIL: 1 mistakes" in text and "PASS" not in text, text
    for change in (-1, 1):
        (tmp_path / "core_tb.v").write_text(bench.replace(f"WORDS = {len(places)}", f"WORDS = {len(places) + change}"))
        status, text = simulate(tmp_path, top)
        assert status != 0 and "FAIL" in text and "PASS" not in text, text


@pytest.mark.proof
def test_testbench_in_verilator(tmp_path: Path) -> None:
    top = write(tmp_path, "streams")
    command = ["verilator", "--binary", "-CFLAGS", "-fcoroutines", "-MAKEFLAGS", MAKE_FLAGS]
    command += ["--top-module", f"{top}_tb", "core.v", "core_tb.v"]
    environment = {**os.environ, **require("verilator")}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    program = f"obj_dir/V{top}_tb"
    done = subprocess.run([tmp_path / program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "PASS: 4 images" in done.stdout


@pytest.mark.parametrize("kind", CORES)
def test_instance(kind: str, tmp_path: Path) -> None:
    top = write(tmp_path, kind)
    ends = "aclk, aresetn" if kind == "axi" else "clk, rst"
    # Inputs are left undriven: that is for the user to do.
    (tmp_path / "top.v").write_text(f'module top(input {ends});\n`include "core_instance.vh"\nendmodule\n')
    command = ["iverilog", "-g2005", "-Wall", "-t", "null", "-s", "top", "top.v", "core.v"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    text = (tmp_path / "core_instance.vh").read_text()
    assert kind_of(text.encode()) == "instance" and f"{top} {top}_0 (" in text
    if kind != "axi":
        assert "wire [1:0] result_label = result__payload[1:0];" in text and "result_membranes_2 = " in text


def test_constraints_and_description() -> None:
    sidecar, _ = verilog_files(Core(CHIP, CoreOptions()), Path("core.v"), top="mine")
    assert "create_clock -name clk -period 40.000 [get_ports clk]\n" in constraints(sidecar, 25e6)
    first, mark, rest = fusesoc(sidecar, "core.v", "core_tb.v", "core.sdc", "core.xdc").split("\n", 2)
    content = json.loads(rest)  # which is YAML, too
    assert first == "CAPI=2:" and mark.startswith("# captwin core description sha256:")
    listed = {name for fileset in content["filesets"].values() for name in fileset["files"]}
    assert listed == {"core.v", "core_tb.v", "core.sdc", "core.xdc"}
    assert content["targets"]["sim"]["toplevel"] == "mine_tb" and content["targets"]["default"]["toplevel"] == "mine"
