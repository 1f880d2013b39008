"""The event source: each row that spiked is one event of its bank."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.events import EventSource, RowChanges, bank_rows
from captwin.sim.encode import changed
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, change_words, few, words
from tests.hw.gates.driver import exchange, number


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


@few
@given(width=SIZES, banks=SIZES, rows=st.integers(1, 40), rate=st.floats(0, 1), stall=STALLS, seed=SEEDS)
def test_events_of_changes(width: int, banks: int, rows: int, rate: float, stall: float, seed: int) -> None:
    """Each row whose spike changed is one event, which says how; the last of a step says whether the image ends."""
    spikes = np.random.default_rng(seed).random((2, 3, rows)) < rate
    block, places = EventSource(rows, width, banks, changes=True), bank_rows(rows, width, banks)
    sent = [bits(block.spikes.payload.shape(), word) for word in change_words(spikes, width)]
    shape = block.events[0].payload.shape()

    def complete(beats: list[int]) -> bool:
        return sum(shape.from_bits(beat).last for beat in beats) == 6

    outputs = dict.fromkeys(block.events, complete)
    received = exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed)
    steps = list(zip(spikes.reshape(6, rows), changed(spikes).reshape(6, rows), strict=True))
    for bank, stream in enumerate(received):
        seen: list[list[tuple[int, int]]] = [[]]
        ends = []
        for beat in (shape.from_bits(payload) for payload in stream):
            if beat.active:
                seen[-1].append((places[bank][beat.row], beat.off))
            if beat.last:
                seen.append([])
                ends.append(beat.end)
        here = [row for row in places[bank] if row < rows]
        assert seen[:-1] == [[(row, not on[row]) for row in here if moved[row]] for on, moved in steps], f"seed {seed}"
        assert ends == [0, 0, 1] * 2, f"seed {seed}"


@few
@given(width=SIZES, rows=st.integers(1, 20), steps=st.integers(1, 4), rate=st.floats(0, 1), stall=STALLS, seed=SEEDS)
def test_changes(width: int, rows: int, steps: int, rate: float, stall: float, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((3, steps, rows)) < rate
    block = RowChanges(rows, width, steps)
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes.reshape(-1, rows), width)]
    expected = [bits(block.changes.payload.shape(), word) for word in change_words(spikes, width)]
    outputs = {block.changes: number(len(expected))}
    assert exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed) == [expected], f"seed {seed}"
