"""What blocks are made of: every copy of a fork gets every beat."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.streams import Fork
from tests.hw.gates.drawn import SEEDS, STALLS, few
from tests.hw.gates.driver import exchange, number


@few
@given(copies=st.integers(1, 4), stall=STALLS, seed=SEEDS)
def test_fork(copies: int, stall: float, seed: int) -> None:
    sent = [int(n) for n in np.random.default_rng(seed).integers(0, 256, 20)]
    block = Fork(8, copies)
    outputs = dict.fromkeys(block.o, number(len(sent)))
    assert exchange(block, {block.i: sent}, outputs, stall=stall, seed=seed) == [sent] * copies
