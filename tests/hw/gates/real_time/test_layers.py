"""Whole real-time cores of random chips against the golden model: every sum, drive, membrane, spike and result."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from captwin.hw.chip import Chip
from captwin.hw.encoders import make_encoder
from captwin.hw.gates.core import Core
from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.options import CoreOptions
from captwin.sim import golden
from captwin.sim.cycles.workload import Workload
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_pixels
from tests.support.proofs import proof, proofs
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
    latencies = [core.result.payload.shape().from_bits(payload).cycles for payload in results]
    if not stall and not trace:
        assert latencies == Workload(chip, pixels).cycles(core.options).latency.tolist(), f"seed {seed}"
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


@pytest.mark.parametrize(("steps", "lanes"), [(3, 8), proof(1, 2), proof(2, 64), proof(8, 16), proof(6, 1)])
def test_the_cycle_model_is_exact(steps: int, lanes: int) -> None:
    chip = real_time_chip(steps, sizes=(9, 4, 3), encoder=make_encoder(kind="rate", steps=steps))
    check(chip, steps, lanes, 0.0, trace=False)


@pytest.mark.parametrize("trace", [False, True])
def test_answers_and_traces_wait_until_they_are_taken(trace: bool) -> None:
    """Images come as long as they are let in; nothing is taken meanwhile, and then everything."""
    chip = real_time_chip(4, sizes=(4, 3, 2), encoder=make_encoder(kind="rate", steps=2), readout="most_spikes")
    core = Core(chip, CoreOptions(4, 1, 1, trace=trace, real_time=True))
    pixels = random_pixels(4, chip, 60)
    expected = golden.run(chip, pixels, trace=True)
    sinks = [core.result, *(getattr(core, f"trace{n}") for n in range(2 * trace))]
    taken: list[list] = [[] for _ in sinks]

    async def send(ctx) -> None:
        for image in pixels:
            ctx.set(core.pixels.payload, image.tolist())
            ctx.set(core.pixels.valid, 1)
            while not (await ctx.tick().sample(core.pixels.ready))[2]:
                pass
        ctx.set(core.pixels.valid, 0)

    async def take(ctx) -> None:
        await ctx.tick().repeat(400)
        assert not ctx.get(core.pixels.ready), "images are let in for which there is no room"
        for sink in sinks:
            ctx.set(sink.ready, 1)
        for _ in range(500):
            for sink, into in zip(sinks, taken, strict=True):
                if ctx.get(sink.valid):
                    into.append(ctx.get(sink.payload))
            await ctx.tick()

    simulator = Simulator(core)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run()
    assert [list(answer.counts) for answer in taken[0]] == expected.counts.tolist()
    for words, layer in zip(taken[1:], expected.traces, strict=False):
        got = np.array([list(word.membranes) for word in words])
        np.testing.assert_array_equal(got, layer.membranes.reshape(got.shape))
