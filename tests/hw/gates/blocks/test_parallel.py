"""One spiking layer: spikes in, all that the golden model computes of it out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.parallel import SpikingLayer, Widths
from captwin.sim import golden
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few, words
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_formats, random_layer


@settings(few, max_examples=6)
@given(
    width=SIZES,
    banks=SIZES,
    lanes=SIZES,
    rows=st.integers(1, 30),
    columns=st.integers(1, 20),
    changes=st.booleans(),
    stall=STALLS,
    seed=SEEDS,
)
def test_spiking_layer(
    width: int, banks: int, lanes: int, rows: int, columns: int, changes: bool, stall: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, rows, columns, by_outcome=seed % 2 == 1)
    steps = int(rng.integers(1, 5))
    spikes = rng.random((2, steps, rows)) < rng.random()  # two inferences, one after the other
    trace = golden.run_layer(layer, formats, spikes)
    block = SpikingLayer(layer, formats, steps=steps, widths=Widths(width, banks, lanes), shows=SHOWN, changes=changes)
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes.reshape(-1, rows), width)]
    count = 2 * steps * -(-columns // lanes)
    (received,) = exchange(block, {block.spikes: sent}, {block.results: number(count)}, stall=stall, seed=seed)
    results = [block.results.payload.shape().from_bits(payload) for payload in received]
    for name in SHOWN:
        got = np.array([list(word[name]) for word in results]).reshape(2, steps, -1)[:, :, :columns]
        np.testing.assert_array_equal(got, getattr(trace, name), err_msg=f"seed {seed}: {name}")
    fired = np.array([[word.spikes >> lane & 1 for lane in range(lanes)] for word in results]).reshape(2, steps, -1)
    np.testing.assert_array_equal(fired[:, :, :columns], trace.spikes, err_msg=f"seed {seed}: spikes")
