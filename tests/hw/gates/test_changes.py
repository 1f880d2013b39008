"""Row changes: which spikes differ from those of the step before, image by image."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.changes import RowChanges
from tests.hw.gates.blocks import SEEDS, SIZES, STALLS, bits, change_words, few, words
from tests.hw.gates.driver import exchange, number


@few
@given(width=SIZES, rows=st.integers(1, 20), steps=st.integers(1, 4), rate=st.floats(0, 1), stall=STALLS, seed=SEEDS)
def test_changes(width: int, rows: int, steps: int, rate: float, stall: float, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((3, steps, rows)) < rate
    block = RowChanges(rows, width, steps)
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes.reshape(-1, rows), width)]
    expected = [bits(block.changes.payload.shape(), word) for word in change_words(spikes, width)]
    outputs = {block.changes: number(len(expected))}
    assert exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed) == [expected], f"seed {seed}"
