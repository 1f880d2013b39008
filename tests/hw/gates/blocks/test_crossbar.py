"""The crossbar's sums against the golden model's."""

import numpy as np
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.events import bank_rows
from captwin.sim import golden
from captwin.sim.encode import changed
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
    changes=st.booleans(),
    stall=STALLS,
    seed=SEEDS,
)
def test_crossbar(
    width: int, banks: int, lanes: int, rows: int, columns: int, changes: bool, stall: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, rows, columns)
    spikes = rng.random((2, 3, rows)) < rng.random()
    block = Crossbar(layer.charges, formats, width=width, banks=banks, lanes=lanes, changes=changes)
    inputs = {
        stream: events(spikes, places, stream.payload.shape(), changes)
        for stream, places in zip(block.events, bank_rows(rows, width, banks), strict=True)
    }
    sums = np.zeros((6, block.words * lanes), np.int64)
    sums[:, :columns] = golden.run_layer(layer, formats, spikes).sums.reshape(6, columns)
    expected = [bits(block.sums.payload.shape(), word.tolist()) for word in sums.reshape(-1, lanes)]
    received = exchange(block, inputs, {block.sums: number(len(expected))}, stall=stall, seed=seed)
    assert received == [expected], f"seed {seed}"


def events(spikes: np.ndarray, places: np.ndarray, shape: data.Layout, changes: bool) -> list[int]:
    """The beats of a bank with the rows ``places``, of ``spikes`` (images, steps, rows) or of those that changed."""
    moved = changed(spikes) if changes else spikes
    beats = []
    for image, step in np.ndindex(spikes.shape[:2]):
        on = spikes[image, step]
        active = [place for place, row in enumerate(places) if row < len(on) and moved[image, step, row]]
        for n, place in enumerate(active or [0]):
            last = n == len(active or [0]) - 1
            beat = {"row": place, "active": bool(active), "last": last}
            if changes:
                ends = last and step == spikes.shape[1] - 1
                beat |= {"off": bool(active) and not on[places[place]], "end": ends}
            beats.append(bits(shape, beat))
    return beats
