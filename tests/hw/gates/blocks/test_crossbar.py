"""The crossbar's sums against the golden model's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.events import bank_rows
from captwin.sim import golden
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_formats, random_layer


@few
@given(
    width=SIZES,
    banks=SIZES,
    lanes=SIZES,
    rows=st.integers(1, 30),
    columns=st.integers(1, 20),
    stall=STALLS,
    seed=SEEDS,
)
def test_crossbar(width: int, banks: int, lanes: int, rows: int, columns: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, rows, columns)
    spikes = rng.random((5, rows)) < rng.random()
    block, places = (
        Crossbar(layer.charges, formats, width=width, banks=banks, lanes=lanes),
        bank_rows(rows, width, banks),
    )
    shape = block.events[0].payload.shape()
    inputs = {}
    for bank, stream in enumerate(block.events):
        beats: list[int] = []
        for step in spikes:
            active = [place for place, row in enumerate(places[bank]) if row < rows and step[row]]
            for n, row in enumerate(active):
                beats.append(bits(shape, {"row": row, "active": 1, "last": n == len(active) - 1}))
            if not active:
                beats.append(bits(shape, {"row": 0, "active": 0, "last": 1}))
        inputs[stream] = beats
    sums = np.zeros((5, block.words * lanes), np.int64)
    sums[:, :columns] = golden.run_layer(layer, formats, spikes[None]).sums[0]
    expected = [bits(block.sums.payload.shape(), word.tolist()) for word in sums.reshape(-1, lanes)]
    assert exchange(block, inputs, {block.sums: number(len(expected))}, stall=stall, seed=seed) == [expected]
