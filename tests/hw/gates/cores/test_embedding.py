"""The examples of `docs/gates.md` do what they say."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.verilog import write_verilog
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.paths import DOCS

CHIP = load_chip("digits-tiny")
PIXELS, _ = load_dataset("digits").some(5)
BEATS = [int.from_bytes(image[start : start + 8].tobytes(), "little") for image in PIXELS for start in range(0, 64, 8)]
BENCH = """
module bench;
	reg clk = 0, rst = 1;
	reg [63:0] beats [0:{beats}-1];
	integer beat = 0, answers = 0;
	wire ready, seen;
	wire [3:0] digit;
	top top(.clk(clk), .rst(rst), .camera(beats[beat]), .camera_valid(!rst && beat < {beats}), .camera_ready(ready),
		.digit(digit), .seen(seen));
	initial $readmemh("beats.hex", beats);
	always #5 clk = !clk;
	always @(posedge clk) begin
		rst <= 0;
		if (!rst && beat < {beats} && ready) beat <= beat + 1;
		if (seen) begin
			$display("%0d", digit);
			answers = answers + 1;
			if (answers == {images}) $finish;
		end
	end
	initial #1000000 $fatal(1, "no answer");
endmodule
"""


def example(language: str) -> str:
    document = (DOCS / "gates.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed")
def test_verilog(tmp_path: Path) -> None:
    write_verilog(Core(CHIP, CoreOptions()), tmp_path / "core.v")
    (tmp_path / "top.v").write_text(example("verilog"))
    (tmp_path / "bench.v").write_text(BENCH.format(beats=len(BEATS), images=len(PIXELS)))
    (tmp_path / "beats.hex").write_text("\n".join(f"{beat:016x}" for beat in BEATS))
    command = ["iverilog", "-g2012", "-Wall", "-s", "bench", "-o", "bench.vvp", "bench.v", "top.v", "core.v"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stderr
    assert not [line for line in said.splitlines() if line.startswith("top.v")], said
    answers = subprocess.run(
        ["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert answers.split() == [str(label) for label in golden.run(CHIP, PIXELS).labels]


def test_amaranth() -> None:
    scope: dict[str, Any] = {}
    exec(example("python"), scope)
    top = scope["Top"]()
    answers: list[int] = []

    async def send(ctx: Any) -> None:
        for beat in BEATS:
            ctx.set(top.camera.payload.as_value(), beat)
            ctx.set(top.camera.valid, 1)
            await ctx.tick().until(top.camera.ready)
        ctx.set(top.camera.valid, 0)

    async def receive(ctx: Any) -> None:
        while len(answers) < len(PIXELS):
            _, _, seen, digit = await ctx.tick().sample(top.seen, top.digit)
            if seen:
                answers.append(digit)

    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    assert np.array_equal(answers, golden.run(CHIP, PIXELS).labels)
