"""The encoder's gates against the golden model's spikes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.sim.encode import encode
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few, words
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_encoder


@few
@given(
    kind=st.sampled_from(list(ENCODERS)),
    lanes=SIZES,
    pixels=st.integers(1, 40),
    stall=STALLS,
    seed=SEEDS,
)
def test_encoder(kind: str, lanes: int, pixels: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    encoder = random_encoder(rng, kind, steps=int(rng.integers(1, 10)))
    images = rng.integers(0, 256, (3, pixels)).astype(np.uint8)
    block = SpikeEncoder(encoder, pixels, lanes)
    beats = [
        sum(int(code) << 8 * n for n, code in enumerate(image[start : start + lanes]))
        for image in images
        for start in range(0, pixels, lanes)
    ]
    spikes = np.concatenate(encode(encoder, images))
    expected = [bits(block.spikes.payload.shape(), word) for word in words(spikes, lanes)]
    assert exchange(block, {block.pixels: beats}, {block.spikes: number(len(expected))}, stall=stall, seed=seed) == [
        expected
    ]
