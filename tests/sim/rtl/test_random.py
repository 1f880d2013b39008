"""Random chips through cocotb: every sum, drive, membrane, spike and result, with random back-pressure."""

import random
from pathlib import Path

import pytest

from captwin.boards.flow.implementation import INDIFFERENT
from captwin.hw import verilog
from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.options import CoreOptions
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import Simulator, missing_tools
from captwin.sim.rtl.testbench.job import Stalls
from tests.support.chips import random_chip, random_pixels
from tests.support.proofs import proofs
from tests.support.real_time import real_time_chip

IMAGES = 4


def random_options(seed: int, layers: int) -> CoreOptions:
    choice = random.Random(seed)
    options = CoreOptions(
        pixel_lanes=choice.choice([1, 2, 4, 8, 16]),
        row_banks=tuple(choice.choice([1, 2, 4, 8, 16]) for _ in range(layers)),
        lanes=tuple(choice.choice([1, 2, 4, 8, 16]) for _ in range(layers)),
        change_events=seed % 2 == 1,
    )
    return options if seed % 4 else CoreOptions(options.pixel_lanes, 1, 1, serial=True)


def check(simulator: Simulator, seed: int, folder: Path) -> None:
    if missing := missing_tools(simulator):
        pytest.skip(f"{simulator} lacks {', '.join(missing)}")
    chip = random_chip(seed, kind=list(ENCODERS)[seed // 4 % len(ENCODERS)])  # options go by seed % 4
    compare(simulator, chip, random_options(seed, len(chip.layers)), seed, folder)


def compare(simulator: Simulator, chip: Chip, options: CoreOptions, seed: int, folder: Path) -> None:
    stall = random.Random(seed).choice([0.0, 0.2, 0.6])
    print(f"seed {seed}: {chip.sizes} {chip.formats} {chip.encoder} {chip.readout} {options} stall {stall}")
    pixels = random_pixels(seed, chip, IMAGES)
    outcome = simulate(chip, pixels, folder, simulator=simulator, options=options, stalls=Stalls(stall, seed))
    assert outcome.first_divergence is None, f"seed {seed}: {outcome.first_divergence}"
    values = IMAGES * chip.encoder.steps * sum(chip.sizes[1:])
    assert outcome.compared == dict.fromkeys(("sums", "drives", "membranes", "spikes"), values)


@pytest.mark.parametrize("seed", [101, *proofs(set(range(100, 124)) - {101})])
def test_verilator(seed: int, tmp_path: Path) -> None:
    check("verilator", seed, tmp_path)


@pytest.mark.parametrize("seed", [200, *proofs(range(201, 206))])
def test_icarus(seed: int, tmp_path: Path) -> None:
    check("icarus", seed, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(500, 512))
def test_real_time(seed: int, tmp_path: Path) -> None:
    simulator = "verilator" if seed % 2 else "icarus"
    if missing := missing_tools(simulator):
        pytest.skip(f"{simulator} lacks {', '.join(missing)}")
    options = CoreOptions(random.Random(seed).choice([1, 4, 16]), 1, 1, real_time=True)
    compare(simulator, real_time_chip(seed), options, seed, tmp_path)


@pytest.mark.parametrize("seed", [400, *proofs(range(401, 406))])
def test_reads_of_words_that_are_being_written(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds for boards leave open what they give: here it is unknown, and nobody may see it."""
    monkeypatch.setattr(verilog, "PASSES", (INDIFFERENT, *verilog.PASSES))
    check("icarus", seed, tmp_path)
    assert "x;" in (tmp_path / "core.v").read_text()


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(300, 330))
def test_many_more(seed: int, tmp_path: Path) -> None:
    check("verilator" if seed % 2 else "icarus", seed, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(501, 621, 2))
def test_change_events(seed: int, tmp_path: Path) -> None:
    check("icarus" if seed % 8 == 1 else "verilator", seed, tmp_path)
