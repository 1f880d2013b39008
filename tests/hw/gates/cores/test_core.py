"""The whole core in Amaranth's simulator against the golden model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.gates.core import Core, CoreOptions
from captwin.sim import golden
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, few
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_chip, random_pixels


@settings(few, max_examples=5)
@given(seed=SEEDS, stall=STALLS, pixel_lanes=SIZES, banks=SIZES, lanes=SIZES, changes=st.booleans())
def test_core(seed: int, stall: float, pixel_lanes: int, banks: int, lanes: int, changes: bool) -> None:
    chip = random_chip(seed)
    pixels = random_pixels(seed, chip, 3)
    expected = golden.run(chip, pixels)
    core = Core(chip, CoreOptions(pixel_lanes, banks, lanes, change_events=changes))
    beats = [
        sum(int(code) << 8 * n for n, code in enumerate(image[start : start + pixel_lanes]))
        for image in pixels
        for start in range(0, chip.pixels, pixel_lanes)
    ]
    (received,) = exchange(core, {core.pixels: beats}, {core.result: number(3)}, stall=stall, seed=seed)
    for n, payload in enumerate(received):
        result = core.result.payload.shape().from_bits(payload)
        assert result.label == expected.labels[n], f"seed {seed}"
        assert result.steps == expected.steps[n], f"seed {seed}"
        assert list(result.counts) == list(expected.counts[n]), f"seed {seed}"
        assert list(result.membranes) == list(expected.membranes[n]), f"seed {seed}"
