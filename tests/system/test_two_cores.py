"""Two cores of different chips in one design: clean in three tools, and both right when simulated together."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Payload, Sidecar, read_sidecar
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.verilog import write_verilog
from captwin.sim import golden
from tests.support.chips import SMALL, random_chip, random_pixels
from tests.support.lint import WITHOUT, complaints

CHIPS = {
    "tiny": (random_chip(31, sizes=(16, 5), kind="rate", formats=SMALL), CoreOptions()),
    "little": (random_chip(32, sizes=(16, 7, 4), kind="rate"), CoreOptions(pixel_lanes=4, row_banks=2)),
}
IMAGES = 5

#: one core of the two, its ports with its name before them
PART = """
    input [{pixels}:0] {name}_pixels, input {name}_pixels_valid, output {name}_pixels_ready,
    output [{result}:0] {name}_result, output {name}_result_valid, input {name}_result_ready"""
INSTANCE = """
    /* verilator lint_off PINCONNECTEMPTY */ // neither counts nor says who it is
    {name} {name}_core (
        .clk(clk), .rst(rst),
        .pixels__payload({name}_pixels), .pixels__valid({name}_pixels_valid), .pixels__ready({name}_pixels_ready),
        .result__payload({name}_result), .result__valid({name}_result_valid), .result__ready({name}_result_ready),
        .counters(), .build_id()
    );
    /* verilator lint_on PINCONNECTEMPTY */
"""
#: feeds one of them and prints its answers, with pauses
DRIVER = """
module driver #(parameter WIDTH = 8, RESULT = 8, BEATS = 1, IMAGES = 1, parameter NAME = "", FILE = "") (
    input clk, input rst,
    output reg [WIDTH-1:0] pixels, output reg valid, input ready,
    input [RESULT-1:0] result, input result_valid, output reg result_ready, output done
);
    reg [WIDTH-1:0] beats [0:BEATS-1];
    integer sent, answers, seed;
    assign done = answers == IMAGES;
    initial begin
        $readmemh(FILE, beats);
        sent = 0; answers = 0; seed = WIDTH; valid = 0; result_ready = 0;
    end
    always @(posedge clk) begin
        if (!rst && valid && ready) sent = sent + 1;
        if (!rst && (!valid || ready)) begin
            valid <= sent < BEATS && $unsigned($random(seed)) % 3 != 0;
            pixels <= beats[sent % BEATS];
        end
        result_ready <= $unsigned($random(seed)) % 3 != 0;
        if (!rst && result_valid && result_ready) begin
            $display("%0s %h", NAME, result);
            answers = answers + 1;
        end
    end
endmodule
"""


def beats(pixels: np.ndarray, lanes: int) -> list[int]:
    return [
        int.from_bytes(image[start : start + lanes].tobytes(), "little")
        for image in pixels
        for start in range(0, pixels.shape[1], lanes)
    ]


def bench(sidecars: dict[str, Sidecar], counts: dict[str, int]) -> str:
    wires, parts, ends = "", "", []
    for name, sidecar in sidecars.items():
        width, result = (sidecar.port(f"{port}__payload").width for port in ("pixels", "result"))
        wires += f"wire [{width - 1}:0] {name}_p; wire [{result - 1}:0] {name}_r;\n"
        wires += f"wire {name}_pv, {name}_pr, {name}_rv, {name}_rr, {name}_done;\n"
        parts += (
            f'driver #(.WIDTH({width}), .RESULT({result}), .BEATS({counts[name]}), .IMAGES({IMAGES}), .NAME("{name}"),'
            f' .FILE("{name}.hex")) {name}_driver(clk, rst, {name}_p, {name}_pv, {name}_pr, {name}_r, {name}_rv,'
            f" {name}_rr, {name}_done);\n"
        )
        ends.append(f"{name}_done")
    ports = ", ".join(f"{name}_p, {name}_pv, {name}_pr, {name}_r, {name}_rv, {name}_rr" for name in sidecars)
    return (
        f"module bench;\nreg clk = 0, rst = 1;\n{wires}{parts}pair pair(clk, rst, {ports});\n"
        f"always #5 clk = !clk;\ninitial #42 rst = 0;\n"
        f"always @(posedge clk) if ({' && '.join(ends)}) $finish;\n"
        'initial #100000 $fatal(1, "no answers");\nendmodule\n' + DRIVER
    )


def expected(chip: Chip, sidecar: Sidecar, pixels: np.ndarray) -> list[dict[str, int]]:
    reference = golden.run(chip, pixels)
    return [
        {"label": int(reference.labels[n]), "steps": int(reference.steps[n])}
        | {f"counts[{c}]": int(count) for c, count in enumerate(reference.counts[n])}
        | {f"membranes[{c}]": int(code) for c, code in enumerate(reference.membranes[n])}
        for n in range(len(pixels))
    ]


@pytest.mark.skipif(bool(WITHOUT), reason=", ".join(WITHOUT))
@pytest.mark.proof
def test_together(tmp_path: Path) -> None:
    pixels = random_pixels(31, CHIPS["tiny"][0], IMAGES)
    sidecars = {}
    for name, (chip, options) in CHIPS.items():
        write_verilog(Core(chip, options), tmp_path / f"{name}.v", top=name)
        sidecars[name] = read_sidecar(tmp_path / f"{name}.json")
    widths = {
        name: {port: entry.port(f"{port}__payload").width - 1 for port in ("pixels", "result")}
        for name, entry in sidecars.items()
    }
    ports = ",".join(PART.format(name=name, **widths[name]) for name in sidecars)
    body = "".join(INSTANCE.format(name=name) for name in sidecars)
    (tmp_path / "pair.v").write_text(f"module pair (\n    input clk, input rst,{ports}\n);\n{body}endmodule\n")
    files = ["pair.v", "tiny.v", "little.v"]
    assert complaints(tmp_path, files, "pair") == []

    counts = {}
    for name, (_, options) in CHIPS.items():
        values = beats(pixels, options.pixel_lanes)
        counts[name] = len(values)
        (tmp_path / f"{name}.hex").write_text("\n".join(f"{value:x}" for value in values) + "\n")
    (tmp_path / "bench.v").write_text(bench(sidecars, counts))
    command = ["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.v", *files]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True)
    answers: dict[str, list[dict[str, int]]] = {name: [] for name in sidecars}
    for line in done.stdout.splitlines():
        if line.split()[0] in answers:
            name, bits = line.split()
            answer = Payload(sidecars[name].port("result__payload").fields).unpack(int(bits, 16))
            del answer["cycles"]  # which depends on the pauses
            answers[name].append(answer)
    for name, (chip, _) in CHIPS.items():
        assert answers[name] == expected(chip, sidecars[name], pixels)
