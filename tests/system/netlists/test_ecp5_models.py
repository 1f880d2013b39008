"""Our models of the ECP5's blocks: memories and products before synthesis against the same after it, in Icarus."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from amaranth import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from captwin.boards.families.ecp5 import Ecp5
from captwin.boards.flow.implementation import INDIFFERENT
from captwin.sim.rtl.simulators import missing_tools
from tests.system.netlists.stages import ECP5_MODELS, cells, synthesise, synthesised

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed"),
]
SEED = 1
CYCLES = 2000
#: Compares each bit that the design before synthesis knows: a memory's output is unknown there until the first read,
#: and after a read of what is being written, which builds leave open.
BENCH = """
module bench;
	reg clk = 0;
	reg [{inputs}-1:0] stimulus;
	wire [{outputs}-1:0] expected, got;
	reference reference(.clk(clk), .rst(1'b0), .stimulus(stimulus), .answer(expected));
	captwin captwin(.clk(clk), .rst(1'b0), .stimulus(stimulus), .answer(got));
	integer cycle, n, compared = 0, seed = {seed};
	initial begin
		for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin
			for (n = 0; n < {inputs}; n = n + 32) stimulus[n +: 32] = $random(seed);
			#1;
			for (n = 0; n < {outputs}; n = n + 1) if (expected[n] !== 1'bx) begin
				compared = compared + 1;
				if (got[n] !== expected[n]) $fatal(1, "cycle %0d: expected %b, got %b", cycle, expected, got);
			end
			clk = 1;
			#1 clk = 0;
		end
		$display("compared %0d", compared);
		$finish;
	end
endmodule
"""


@dataclass(frozen=True)
class Words:
    """A memory of ``depth`` words of ``width`` bits: its ports, and what is special about them."""

    width: int
    depth: int
    writes: bool = True  #: there is a port that writes
    readers: int = 1
    shared: bool = False  #: the one port that reads is the one that writes
    bytes: int = 1  #: parts of a word that are written by themselves
    transparent: bool = False  #: reading shows what is being written, not what was there
    cleared: bool = False  #: the output has a synchronous reset
    registered: bool = False  #: what has been read is registered once more

    def __str__(self) -> str:
        special = ("shared", "transparent", "cleared", "registered")
        named = [f"{self.depth}x{self.width}", "writes" if self.writes else "table", f"{self.readers}-readers"]
        return "-".join([*named, *(name for name in special if getattr(self, name)), f"{self.bytes}-bytes"])


class Memories(wiring.Component):
    """A memory with every input of its ports among the bits of ``stimulus``."""

    def __init__(self, words: Words) -> None:
        self.words = words
        address = (words.depth - 1).bit_length()
        write = data.StructLayout({"address": address, "data": words.width, "en": words.bytes})
        # Half of the reads are where the other port writes or just wrote.
        read = data.StructLayout({"address": address, "near": 2, "en": 1, "clear": 1})
        self.layout = data.StructLayout({"writer": write, "readers": data.ArrayLayout(read, words.readers)})
        super().__init__({"stimulus": In(self.layout.size), "answer": Out(words.width * words.readers)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words, stimulus = self.words, self.layout(self.stimulus)
        dice = Random(SEED)
        init = [dice.getrandbits(words.width) for _ in range(words.depth)]
        m.submodules.memory = memory = Memory(
            shape=unsigned(words.width), depth=words.depth, init=init, attrs={"ram_style": "block"}
        )
        writers, answers = [], []
        just = Signal.like(stimulus.writer.address)
        m.d.sync += just.eq(stimulus.writer.address)
        if words.writes:
            writer = memory.write_port(granularity=words.width // words.bytes)
            m.d.comb += [
                writer.addr.eq(stimulus.writer.address),
                writer.data.eq(stimulus.writer.data),
                writer.en.eq(stimulus.writer.en),
            ]
            writers.append(writer)
        for n in range(words.readers):
            bits = stimulus.readers[n]
            reader = memory.read_port(
                domain="comb" if words.cleared else "sync", transparent_for=writers if words.transparent else []
            )
            m.d.comb += reader.addr.eq(bits.address)
            with m.If(bits.near[0]):
                m.d.comb += reader.addr.eq(Mux(bits.near[1], just, stimulus.writer.address))
            if words.shared:
                m.d.comb += reader.addr.eq(stimulus.writer.address)
            if words.cleared:
                answer = Signal(words.width)
                with m.If(bits.clear):
                    m.d.sync += answer.eq(0)
                with m.Elif(bits.en):
                    m.d.sync += answer.eq(reader.data)
                answers.append(answer)
            else:
                m.d.comb += reader.en.eq(bits.en)
                answers.append(reader.data)
            if words.registered:
                answers[-1] = Signal(words.width, reset_less=True)
                m.d.sync += answers[-1].eq(reader.data)
        m.d.comb += self.answer.eq(Cat(answers))
        return m


class Products(wiring.Component):
    """Products of operands among the bits of ``stimulus``, which are often at the ends of their ranges.

    Each goes to a register, which is not reset if ``registered``: a multiplier can take its place then.
    """

    def __init__(self, shapes: Sequence[tuple[Shape, Shape]], registered: bool) -> None:
        self.shapes = shapes
        self.registered = registered
        self.layout = data.StructLayout(
            {
                f"{side}{n}": data.StructLayout({"bits": shape.width, "corner": 2})
                for n, pair in enumerate(shapes)
                for side, shape in zip("ab", pair, strict=True)
            }
        )
        super().__init__({"stimulus": In(self.layout.size), "answer": Out(sum(a.width + b.width for a, b in shapes))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stimulus = self.layout(self.stimulus)
        answers = []
        for n, pair in enumerate(self.shapes):
            operands = []
            for side, shape in zip("ab", pair, strict=True):
                chosen = stimulus[f"{side}{n}"]
                operand = Signal(shape)
                with m.Switch(chosen.corner):
                    with m.Case(0):
                        m.d.comb += operand.eq(-1)
                    with m.Case(1):
                        m.d.comb += operand.eq(1 << (shape.width - 1))
                    with m.Default():
                        m.d.comb += operand.eq(chosen.bits)
                operands.append(operand)
            answers.append((operands[0] * operands[1])[: pair[0].width + pair[1].width])
        answer = Signal.like(self.answer, reset_less=self.registered)
        m.d.sync += answer.eq(Cat(answers))
        m.d.comb += self.answer.eq(answer)
        return m


def prepare(component: wiring.Component, folder: Path) -> Path:
    """``component`` after synthesis; before it, it lies beside."""
    command = f"design -push-copy; {INDIFFERENT}; proc; rename -top reference; write_verilog reference.v; design -pop"
    synthesise(component, Ecp5(), folder, first=f"{command}; ")
    return synthesised(folder)


def simulate(component: wiring.Component, folder: Path) -> str:
    """What the bench says of the two."""
    sizes = {"inputs": len(component.stimulus), "outputs": len(component.answer)}
    (folder / "bench.v").write_text(BENCH.format(**sizes, seed=SEED, cycles=CYCLES))
    sources = [folder / name for name in ("bench.v", "reference.v", "synthesised.v")]
    subprocess.run(
        ["iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", *sources, *ECP5_MODELS], cwd=folder, check=True
    )
    return subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=False, capture_output=True, text=True).stdout


def check(component: wiring.Component, folder: Path) -> None:
    said = simulate(component, folder)
    compared = re.search(r"compared (\d+)", said)
    assert compared, f"seed {SEED}: {said}"
    assert int(compared[1]) > CYCLES * len(component.answer) // 3


SIZES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
MEMORIES = (
    *(Words(width, depth) for width, depth in SIZES),
    *(Words(width, depth, writes=False, readers=2) for width, depth in SIZES),
    Words(18, 1024, readers=2),
    Words(12, 700, readers=2),
    Words(36, 512, bytes=4),
    Words(18, 1024, bytes=2),
    Words(36, 512, transparent=True),
    Words(9, 2048, cleared=True),
    Words(18, 512, writes=False, cleared=True),
    *(Words(width, depth, shared=True) for width, depth in SIZES[1:4]),
    Words(18, 1024, bytes=2, shared=True, transparent=True),
    *(Words(width, depth, writes=False, registered=True) for width, depth in SIZES),
    Words(18, 1024, writes=False, readers=2, registered=True),
)


@pytest.mark.parametrize("words", MEMORIES, ids=str)
def test_memory(words: Words, tmp_path: Path) -> None:
    component = Memories(words)
    text = prepare(component, tmp_path).read_text()
    assert cells(tmp_path)["DP16KD"]
    assert ("OUTREG" in text) == words.registered
    check(component, tmp_path)


@pytest.mark.parametrize("registered", [False, True])
def test_products(registered: bool, tmp_path: Path) -> None:
    signs = list(product((signed, unsigned), repeat=2))
    shapes = [(a(wide), b(narrow)) for wide, narrow in ((18, 18), (12, 7), (25, 13)) for a, b in signs]
    component = Products(shapes, registered)
    text = prepare(component, tmp_path).read_text()
    assert cells(tmp_path)["MULT18X18D"] >= len(shapes)
    whole = [a for a, _ in shapes if a.width <= 18]  # the others are sums of several
    assert text.count('.REG_OUTPUT_CLK("CLK0")') == (len(whole) if registered else 0)
    check(component, tmp_path)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Memories, Path]:
    """A memory that is only read, and the folder with its netlist."""
    folder = tmp_path_factory.mktemp("table")
    component = Memories(Words(18, 1024, writes=False))
    prepare(component, folder)
    return component, folder


@pytest.mark.parametrize(
    ("what", "instead", "said"),
    [
        (r"(\.INITVAL_20\(320'h[0-9a-f]*)([0-9a-f])", lambda text: f"{text[1]}{int(text[2], 16) ^ 1:x}", "expected"),
        (r'\.REGMODE_A\("NOREG"\)', '.REGMODE_A("OUTREG")', "expected"),
        (r'\.REGMODE_B\("NOREG"\)', '.REGMODE_B("BOTH")', "no model of REGMODE"),
        (r'\.CSDECODE_B\("0b000"\)', '.CSDECODE_B("0b001")', "no model of CSDECODE"),
        (r'\.GSR\("DISABLED"\)', '.GSR("ENABLED")', "no model of GSR"),
    ],
)
def test_wrong_or_unknown_is_seen(
    what: str, instead: Any, said: str, table: tuple[Memories, Path], tmp_path: Path
) -> None:
    component, folder = table
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    text, found = re.subn(what, instead, (folder / "synthesised.v").read_text())
    assert found
    (tmp_path / "synthesised.v").write_text(text)
    assert said in simulate(component, tmp_path)
