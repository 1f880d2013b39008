"""Verilog from outside, against golden: right ones pass, and whatever a broken one does ends, in one line."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Sidecar, read_sidecar
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.hw.verilog import TOP, write_verilog
from captwin.sim.rtl.design import Design, given_design, own_design
from captwin.sim.rtl.program import compile_program
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.testbench.job import Stalls
from captwin.sim.rtl.twin import DRIVER, Twin, compile_design, layout_header
from captwin.sim.rtl.verify import verify
from tests.support.chips import SMALL, random_chip, random_pixels
from tests.support.proofs import proof

WITHOUT = [*missing_tools("verilator"), *missing_tools("icarus")]
pytestmark = pytest.mark.skipif(bool(WITHOUT), reason=f"not installed: {', '.join(WITHOUT)}")

CHIP = random_chip(410, sizes=(12, 5, 3), kind="rate", readout="most_spikes", formats=SMALL)
OPTIONS = CoreOptions(pixel_lanes=1, lanes=2, trace=True)
PIXELS = np.maximum(random_pixels(410, CHIP, 4), 64).astype(np.uint8)
#: what the broken core does is told by the first pixel that it is sent
RIGHT, RESULTS, WORDS, NEVER_READY, NEVER_VALID, FINISH, UNKNOWN, CHATTER, FICKLE, TRICKLE = range(10)
BROKEN = """
    reg [7:0] mode = 0;
    reg [31:0] cycles = 0, results = 0, words = 0;
    reg flip = 0;
    always @(posedge clk) begin
        cycles <= cycles + 1;
        flip <= !flip;
        if (pixels__valid && mode == 0) mode <= pixels__payload;
        if (inner_result_valid && result__ready) results <= results + 1;
        if (inner_trace_valid && trace0__ready) words <= words + 1;
        if (mode == 5 && cycles > 60) $finish;
        if (mode == 7) begin
            $display("numbers of my own %0d", cycles);
            $fdisplay(32'h80000002, "and %0d more \\033[31m", cycles);
        end
        if (rst) begin
            mode <= 0;
            results <= 0;
            words <= 0;
        end
    end
    assign result__valid = mode == 4 ? 1'b0 : inner_result_valid || mode == 1 && results >= IMAGES;
    assign trace0__valid = inner_trace_valid || (mode == 2 || mode == 9) && words >= IMAGES * WORDS;
    assign pixels__ready = mode == 3 ? 1'b0 : inner_pixels_ready;
    assign inner_pixels_valid = mode == 3 ? 1'b0 : pixels__valid;
    assign result__payload = mode == 6 ? {inner_result_payload[RESULT-1:1], 1'bx}
        : mode == 8 ? inner_result_payload ^ {RESULT{flip}} : inner_result_payload;
"""


def wrapped(sidecar: Sidecar, images: int) -> str:
    """A module with the ports of ``sidecar`` around a core called ``inner``, which breaks what that does."""
    words = CHIP.encoder.steps * -(-CHIP.layers[0].columns // 2)
    inner = {
        "result__valid": "inner_result_valid",
        "trace0__valid": "inner_trace_valid",
        "pixels__ready": "inner_pixels_ready",
        "pixels__valid": "inner_pixels_valid",
        "result__payload": "inner_result_payload",
    }
    ports = ", ".join(f"{port.direction} [{port.width - 1}:0] {port.name}" for port in sidecar.ports)
    wires = "".join(f"wire [{port.width - 1}:0] {inner[port.name]};" for port in sidecar.ports if port.name in inner)
    pins = ", ".join(f".{port.name}({inner.get(port.name, port.name)})" for port in sidecar.ports)
    numbers = f"localparam IMAGES = {images}, WORDS = {words}, RESULT = {sidecar.port('result__payload').width};"
    return f"module {sidecar.top}({ports});\n{numbers}\n{wires}\ninner core({pins});\n{BROKEN}\nendmodule\n"


@cache
def own(top: str = TOP) -> Design:
    return own_design(CHIP, OPTIONS, top=top)


def broken(images: int) -> Design:
    sidecar = own().sidecar
    files = {"given0.v": wrapped(sidecar, images), "given1.v": own("inner").files["core.v"]}
    return Design(files, sidecar, given=True)


def images(mode: int, count: int) -> np.ndarray:
    pixels = PIXELS[:count].copy()
    pixels[:, 0] = mode
    return pixels


@pytest.fixture(scope="module")
def twin() -> Twin:
    """The broken core, compiled; each of verify's two programs gets two images."""
    return compile_design(broken(2))


@pytest.mark.parametrize(
    ("mode", "signal"), [(RIGHT, None), (RESULTS, "results too many"), (WORDS, "words too many"), (CHATTER, None)]
)
def test_verify_compares(mode: int, signal: str | None, twin: Twin) -> None:
    outcome = verify(twin, CHIP, images(mode, 4))
    first = outcome.first_divergence
    assert first is None if signal is None else first and first.signal == signal and first.got > 10
    assert len(outcome.labels) == 4 and bool(outcome.mismatches) == (signal is not None)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (NEVER_READY, r"the gates sent nothing more after cycle \d: 0 of 2 images taken, 0 answered"),
        (NEVER_VALID, r"the gates sent nothing more after cycle \d+: 2 of 2 images taken, 0 answered"),
        (FINISH, r"the gates ended the simulation after cycle \d+"),
    ],
)
@pytest.mark.parametrize("interval", [0, 10**9])
def test_verify_ends(mode: int, reason: str, interval: int, twin: Twin) -> None:
    if mode == NEVER_VALID and interval:
        reason = r"the gates sent nothing more after cycle \d+: 1 of 2 images taken, 0 answered"
    with pytest.raises(CaptwinError, match=f"^compiled core: {reason}") as error:
        verify(twin, CHIP, images(mode, 4), interval=interval)
    assert "\n" not in str(error.value)


def test_verify_never_comes_to_rest(twin: Twin, tmp_path: Path) -> None:
    loop = (
        "module captwin_core(PORTS);\n reg [63:0] x = 1;\n assign build_id = x;\n"
        " always @(posedge clk) while (!rst) x = x * 64'd3 + {63'd0, pixels__valid};\nendmodule\n"
    )
    sidecar = own().sidecar
    ports = ", ".join(f"{port.direction} [{port.width - 1}:0] {port.name}" for port in sidecar.ports)
    text = DRIVER.read_text()
    assert "SECONDS = 120;" in text
    files = {"given0.v": loop.replace("PORTS", ports)}
    quick = text.replace("SECONDS = 120;", "SECONDS = 1;")
    layout = layout_header(sidecar)
    program, _ = compile_program(sidecar.top, files | {"layout.h": layout, "driver.cpp": quick})
    with pytest.raises(CaptwinError, match="the gates never come to rest within a clock cycle"):
        verify(replace(twin, program=program), CHIP, images(RIGHT, 2))


@pytest.mark.parametrize(
    ("mode", "signal"),
    [(RIGHT, None), proof(RESULTS, "results too many"), (WORDS, "words too many"), proof(CHATTER, None)],
)
def test_simulate_compares(mode: int, signal: str | None, tmp_path: Path) -> None:
    outcome = simulate(CHIP, images(mode, 3), tmp_path / "work", simulator="icarus", design=broken(3))
    first = outcome.first_divergence
    assert first is None if signal is None else first and first.signal == signal and outcome.mismatches > 10
    assert len(outcome.labels) == 3 and bool(outcome.mismatches) == (signal is not None)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        proof(NEVER_READY, "the gates sent nothing more after cycle"),
        proof(NEVER_VALID, "the gates sent nothing more after cycle"),
        (UNKNOWN, r"result__payload has unknown bits \(X or Z\) in clock cycle"),
        proof(FICKLE, "result__payload changed while it was held up, in clock cycle"),
        proof(FINISH, "the testbench stopped early"),
    ],
)
def test_simulate_ends(mode: int, reason: str, tmp_path: Path) -> None:
    stall = 0.8 if mode == FICKLE else 0
    with pytest.raises(CaptwinError, match=f"^icarus: {reason}") as error:
        simulate(CHIP, images(mode, 3), tmp_path / "work", simulator="icarus", design=broken(3), stalls=Stalls(stall))
    assert "\n" not in str(error.value)


def test_a_core_without_traces_is_compared_by_its_answers(tmp_path: Path) -> None:
    write_verilog(Core(CHIP, replace(OPTIONS, trace=False)), tmp_path / "core.v", top="mine")
    design = given_design([tmp_path / "core.v"], None, CHIP, OPTIONS)
    compiled = verify(compile_design(design), CHIP, PIXELS)
    assert compiled.mismatches == 0 and compiled.compared["spikes"] == 0 and len(compiled.labels) == len(PIXELS)


@pytest.mark.proof
def test_a_core_without_traces_is_simulated_by_its_answers(tmp_path: Path) -> None:
    design = own_design(CHIP, replace(OPTIONS, trace=False))
    outcome = simulate(
        CHIP,
        PIXELS,
        tmp_path / "work",
        simulator="icarus",
        design=replace(design, given=True),
        stalls=Stalls(0.2, seed=3),
    )
    assert outcome.mismatches == 0 and outcome.compared["spikes"] == 0 and len(outcome.labels) == len(PIXELS)
    # Another chip's gates with the same ports are found by the answers alone.
    charges = -CHIP.layers[1].charges.clip(-7)
    other = replace(CHIP, layers=(CHIP.layers[0], replace(CHIP.layers[1], charges=charges)))
    wrong = own_design(other, replace(OPTIONS, trace=False))
    outcome = simulate(CHIP, PIXELS, tmp_path / "work", simulator="icarus", design=replace(wrong, given=True))
    assert outcome.mismatches and outcome.first_divergence and outcome.first_divergence.layer is None


def test_with_a_sidecar_without_one_and_with_a_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "core.v"
    sidecar = write_verilog(Core(CHIP, OPTIONS), path).sidecar
    assert given_design([path], None, CHIP, CoreOptions()).sidecar == read_sidecar(sidecar)
    sidecar.rename(tmp_path / "elsewhere.json")
    assert given_design([path], tmp_path / "elsewhere.json", CHIP, CoreOptions()).sidecar.options.trace
    alone = given_design([path], None, CHIP, replace(OPTIONS, trace=False)).sidecar
    assert alone.options.trace and alone.top == "captwin_core"

    def refused(message: str, *files: Path, chip: Chip = CHIP, given: Path | None = None) -> None:
        with pytest.raises(CaptwinError, match=message) as error:
            given_design(files or [path], given, chip, OPTIONS)
        assert "\n" not in str(error.value)

    other = random_chip(411, sizes=CHIP.sizes)
    refused("elsewhere.json: describes the gates of chip", chip=other, given=tmp_path / "elsewhere.json")
    text = path.read_text()
    narrow = tmp_path / "narrow.v"
    narrow.write_text(text.replace("[63:0] build_id", "[31:0] build_id"))
    refused("port build_id of captwin_core: expected output of 64 bits .*, got output of 32 bits", narrow)
    narrow.write_text(text.replace("module captwin_core(", "module other("))
    refused("narrow.v: holds no module captwin_core", narrow)
    narrow.write_text("module captwin_core(;\nendmodule\n")
    refused("narrow.v: Yosys cannot read it: line 1: ", narrow)
    refused("--verilog: names a file twice", path, path)
    refused("expected Verilog", sidecar.with_name("elsewhere.json"))
    refused("cannot read Verilog: No such file", tmp_path / "nothing.v")


def test_a_text_that_would_leave_its_place(tmp_path: Path) -> None:
    """Nothing of a file is read as a command of the tools."""
    path = tmp_path / "core.v"
    write_verilog(Core(CHIP, OPTIONS), path)
    path.write_text(path.read_text() + "\n// EOT\nrtlil\n!touch pwned\nexec -- touch pwned\n")
    with pytest.raises(CaptwinError, match="Yosys cannot read it"):
        given_design([path], None, CHIP, OPTIONS)
    assert not list(tmp_path.rglob("pwned")) and not Path("pwned").exists()


def test_an_edited_file_in_the_work_folder_stays(tmp_path: Path) -> None:
    work = tmp_path / "work"
    outcome = simulate(CHIP, PIXELS[:1], work, simulator="icarus", options=OPTIONS)
    assert outcome.mismatches == 0 and outcome.interval_cycles is None
    edited = (work / "core.v").read_text() + "// an edit\n"
    (work / "core.v").write_text(edited)
    with pytest.raises(CaptwinError, match=r"core\.v: not overwritten: .* simulate it with --verilog") as error:
        simulate(CHIP, PIXELS[:1], work, simulator="icarus", options=OPTIONS)
    assert "\n" not in str(error.value) and (work / "core.v").read_text() == edited
    design = given_design([work / "core.v"], None, CHIP, OPTIONS)
    outcome = simulate(CHIP, PIXELS[:2], work, simulator="icarus", design=design)
    assert outcome.mismatches == 0 and outcome.interval_cycles and (work / "core.v").read_text() == edited
