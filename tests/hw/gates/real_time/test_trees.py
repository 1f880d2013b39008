"""Adder trees give the sums of constant weights, whatever these are."""

from unittest import mock

import numpy as np
from amaranth import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.gates.real_time import trees
from captwin.hw.gates.real_time.trees import column_sums
from tests.hw.gates.drawn import SEEDS, few


@settings(few, max_examples=8)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 6),
    group=st.sampled_from([2, 32]),
    largest=st.integers(0, 9),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=SEEDS,
)
def test_sums(rows: int, columns: int, group: int, largest: int, density: float, seed: int) -> None:
    """Of columns that share the registers of the rows, and of groups that have their own."""
    with mock.patch.object(trees, "GROUP", group):
        check(rows, columns, largest, density, seed)


def check(rows: int, columns: int, largest: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-largest, largest + 1, (rows, columns)) * (rng.random((rows, columns)) < density)
    weights[:, -1] = weights[:, 0]  # so that two columns share all adders
    constants = rng.integers(-50, 51, columns).tolist()
    m, spikes = Module(), Signal(rows)
    sums, cycles = column_sums(m, "column", spikes, weights, constants)
    patterns = rng.integers(0, 2, (6, rows))
    patterns[0], patterns[1] = 0, 1

    async def compare(ctx) -> None:
        for time in range(len(patterns) + cycles):
            if time < len(patterns):
                ctx.set(spikes, sum(int(bit) << n for n, bit in enumerate(patterns[time])))
            if time >= cycles:
                got = [ctx.get(total) for total in sums]
                assert got == (patterns[time - cycles] @ weights + constants).tolist(), f"seed {seed}"
            await ctx.tick()

    m.d.sync += Signal(name="clocked").eq(1)  # there is a clock even if nothing is added
    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(compare)
    simulator.run()
