"""Random chips through cocotb: every sum, drive, membrane, spike and result, with random back-pressure."""

import random
from pathlib import Path

import pytest

from hw.core import CoreOptions
from sim.rtl.runner import simulate
from sim.rtl.simulators import Simulator, missing_tools
from tests.chips import random_chip, random_pixels

IMAGES = 4
VERILATOR_SEEDS = range(100, 120)
ICARUS_SEEDS = range(200, 216)


def random_options(seed: int) -> CoreOptions:
    choice = random.Random(seed)
    return CoreOptions(
        pixel_lanes=choice.choice([1, 2, 4, 8]),
        row_banks=choice.choice([1, 2, 4, 8]),
        lanes=choice.choice([1, 2, 4, 8]),
    )


@pytest.mark.parametrize(
    ("simulator", "seed"),
    [("verilator", seed) for seed in VERILATOR_SEEDS] + [("icarus", seed) for seed in ICARUS_SEEDS],
)
def test_random_chip(simulator: Simulator, seed: int, tmp_path: Path) -> None:
    if missing := missing_tools(simulator):
        pytest.skip(f"{simulator} lacks {', '.join(missing)}")
    chip = random_chip(seed)
    stall = random.Random(seed).choice([0.0, 0.2, 0.6])
    options = random_options(seed)
    print(f"seed {seed}: {chip.sizes} {chip.formats} {chip.encoder} {chip.readout} {options} stall {stall}")
    outcome = simulate(
        chip, random_pixels(seed, chip, IMAGES), tmp_path, simulator=simulator, options=options, stall=stall, seed=seed
    )
    assert outcome.first_divergence is None, f"seed {seed}: {outcome.first_divergence}"
    neurons = sum(chip.sizes[1:])
    assert set(outcome.compared.values()) == {IMAGES * chip.encoder.steps * neurons}
