"""Whole real-time cores of random chips against the golden model: every sum, drive, membrane, spike and result."""

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.options import CoreOptions
from captwin.sim import golden
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_pixels
from tests.support.proofs import proofs
from tests.support.real_time import real_time_chip

IMAGES = 5


def check(chip: Chip, seed: int, lanes: int, stall: float, *, trace: bool) -> None:
    pixels = random_pixels(seed, chip, IMAGES)
    expected = golden.run(chip, pixels, trace=True)
    core = Core(chip, CoreOptions(lanes, 1, 1, trace=trace, real_time=True))
    beats = [
        sum(int(code) << 8 * n for n, code in enumerate(image[start : start + lanes]))
        for image in pixels
        for start in range(0, chip.pixels, lanes)
    ]
    outputs = {core.result: number(IMAGES)}
    if trace:
        words = number(IMAGES * chip.encoder.steps)
        outputs |= {getattr(core, f"trace{n}"): words for n in range(len(chip.layers))}
    results, *traces = exchange(core, {core.pixels: beats}, outputs, stall=stall, seed=seed)
    for n, payload in enumerate(results):
        result = core.result.payload.shape().from_bits(payload)
        assert result.label == expected.labels[n], f"seed {seed}"
        assert result.steps == expected.steps[n], f"seed {seed}"
        assert list(result.counts) == list(expected.counts[n]), f"seed {seed}"
        assert list(result.membranes) == list(expected.membranes[n]), f"seed {seed}"
    for n, payloads in enumerate(traces):
        shape, layer, trace_of = getattr(core, f"trace{n}").payload.shape(), chip.layers[n], expected.traces[n]
        got = [shape.from_bits(payload) for payload in payloads]
        for name in SHOWN:
            numbers = np.array([list(word[name]) for word in got]).reshape(IMAGES, -1, layer.columns)
            np.testing.assert_array_equal(numbers, getattr(trace_of, name), err_msg=f"seed {seed}, {n}, {name}")
        spikes = np.array([[word.spikes >> c & 1 for c in range(layer.columns)] for word in got])
        np.testing.assert_array_equal(spikes.reshape(IMAGES, -1, layer.columns), trace_of.spikes)
        assert all(word.last for word in got)


@pytest.mark.parametrize("seed", [0, 1, 2, *proofs(range(3, 63))])
def test_random_chips(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lanes, stall = 1 << int(rng.integers(0, 6)), float(rng.choice([0.0, 0.3, 0.7]))
    check(real_time_chip(seed), seed, lanes, stall, trace=seed % 3 != 0)
