"""The event source: each row that spiked is one event of its bank."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.events import EventSource, bank_rows
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few, words
from tests.hw.gates.driver import exchange


@few
@given(width=SIZES, banks=SIZES, rows=st.integers(1, 40), rate=st.floats(0, 1), stall=STALLS, seed=SEEDS)
def test_events(width: int, banks: int, rows: int, rate: float, stall: float, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((5, rows)) < rate
    block, places = EventSource(rows, width, banks), bank_rows(rows, width, banks)
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes, width)]
    shape = block.events[0].payload.shape()

    def complete(beats: list[int]) -> bool:
        return sum(shape.from_bits(beat).last for beat in beats) == len(spikes)

    outputs = dict.fromkeys(block.events, complete)
    received = exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed)
    for bank, stream in enumerate(received):
        seen: list[list[int]] = [[]]
        for beat in (shape.from_bits(payload) for payload in stream):
            if beat.active:
                seen[-1].append(places[bank][beat.row])
            if beat.last:
                seen.append([])
        here = [row for row in places[bank] if row < rows]
        assert seen[:-1] == [[row for row in here if step[row]] for step in spikes], f"seed {seed}"
