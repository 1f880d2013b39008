"""Serial layers: spikes in, all that the golden model computes of every layer out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.serial import SerialLayers
from captwin.sim import golden
from captwin.sim.encode import encode
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few, words
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_chip, random_pixels


@settings(few, max_examples=6)
@given(
    width=SIZES,
    sizes=st.lists(st.integers(1, 8), min_size=2, max_size=4).map(tuple),
    loadable=st.booleans(),
    stall=STALLS,
    seed=SEEDS,
)
def test_serial_layers(width: int, sizes: tuple[int, ...], loadable: bool, stall: float, seed: int) -> None:
    chip = random_chip(seed, sizes=sizes)
    images = random_pixels(seed, chip, 2)
    traces = golden.run(chip, images, trace=True).traces
    options = CoreOptions(width, 1, 1, trace=True, loadable=loadable, serial=True)
    block = SerialLayers(chip, options, stores_from=0 if loadable else None)
    spikes = np.concatenate(encode(chip.encoder, images))
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes, width)]
    steps = 2 * chip.encoder.steps
    outputs = {
        results: number(steps * layer.columns) for results, layer in zip(block.results, chip.layers, strict=True)
    }
    received = exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed)
    for n, (payloads, trace) in enumerate(zip(received, traces, strict=True)):
        beats = [block.results[n].payload.shape().from_bits(payload) for payload in payloads]
        columns = chip.layers[n].columns
        assert [beat.last for beat in beats] == ([0] * (columns - 1) + [1]) * steps, f"seed {seed}"
        for name in SHOWN:
            got = np.array([beat[name][0] for beat in beats]).reshape(2, -1, columns)
            np.testing.assert_array_equal(got, getattr(trace, name), err_msg=f"seed {seed}: layer {n}, {name}")
        fired = np.array([beat.spikes for beat in beats]).reshape(2, -1, columns)
        np.testing.assert_array_equal(fired, trace.spikes, err_msg=f"seed {seed}: layer {n}, spikes")
