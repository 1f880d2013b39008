"""The neurons against the golden model's own steps."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.neuron import Neurons
from captwin.sim import golden
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_formats, random_layer


@few
@given(lanes=SIZES, columns=st.integers(1, 20), steps=st.integers(1, 6), stall=STALLS, seed=SEEDS)
def test_neurons(lanes: int, columns: int, steps: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    rows = int(rng.integers(1, 30))
    layer = random_layer(rng, formats, rows, columns, by_outcome=seed % 2 == 1, dithered=seed % 4 > 1)
    spikes = rng.random((2, steps, layer.rows)) < rng.random()  # two inferences, one after the other
    trace = golden.run_layer(layer, formats, spikes)
    block = Neurons(layer, formats, steps=steps, lanes=lanes)
    padded = np.zeros((2 * steps, block.words * lanes), np.int64)
    padded[:, :columns] = trace.sums.reshape(2 * steps, columns)
    sums = [bits(block.sums.payload.shape(), word.tolist()) for word in padded.reshape(-1, lanes)]
    (received,) = exchange(block, {block.sums: sums}, {block.results: number(len(sums))}, stall=stall, seed=seed)
    results = [block.results.payload.shape().from_bits(payload) for payload in received]
    assert [word.last for word in results] == [n % block.words == block.words - 1 for n in range(len(sums))]
    for name in ("sums", "drives", "membranes"):
        got = np.array([list(word[name]) for word in results]).reshape(2, steps, -1)[:, :, :columns]
        np.testing.assert_array_equal(got, getattr(trace, name), err_msg=f"seed {seed}: {name}")
    fired = np.array([[word.spikes >> lane & 1 for lane in range(lanes)] for word in results]).reshape(2, steps, -1)
    np.testing.assert_array_equal(fired[:, :, :columns], trace.spikes, err_msg=f"seed {seed}: spikes")
    assert not fired[:, :, columns:].any(), f"seed {seed}: a lane beyond the last neuron spikes"


def test_a_drive_at_the_threshold_fires() -> None:
    rng = np.random.default_rng(1)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, 3, 4)
    nothing = {name: np.zeros_like(getattr(layer, name)) for name in ("gains", "offsets", "thresholds")}
    layer = replace(layer, threshold_offsets=np.array([-1, 0, 1, 0], np.int32), **nothing)
    block = Neurons(layer, formats, steps=1, lanes=4)
    (received,) = exchange(block, {block.sums: [0]}, {block.results: number(1)}, stall=0, seed=1)
    assert block.results.payload.shape().from_bits(received[0]).spikes == 0b1011
