"""Chips sampled in ngspice: one process for neurons and bias circuit, drawn by a seed."""

import numpy as np
import pytest

from captwin.sim.mismatch.chips import bias_chip, drawn_process, process_chip
from captwin.sim.spice.benches.bench import Bench, Cycle, Point, open_bench
from tests.support.needs import needs_ngspice, needs_pdk

CARDS = """.param
+ mc_a = agauss(0, 1, 3)
+ mc_b=agauss(2,0.5,1)
.subckt nch d g s b
.param mis=agauss(0,var,1)
.ends"""


def test_numbers_of_a_whole_chip_are_given() -> None:
    text = drawn_process(CARDS, np.array([1.5, -1.0]))
    assert "mc_a = (0.5)" in text and "mc_b=(1.5)" in text and "agauss(0,var,1)" in text


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_seed_draws_a_chip_again() -> None:
    bench = open_bench("gf180_pass_transistor")

    def reference(chip: Bench) -> float:
        return chip.parameters["v_ref"] - bench.parameters["v_ref"]

    def moved(chip: Bench) -> float:
        """By how much a cycle from rest moves the membrane, in V."""
        start = Point(chip.parameters["v_ref"], -0.05, False)
        (cycle,) = chip.simulate([start])
        assert isinstance(cycle, Cycle)
        return cycle.v - start.v

    one, opposite, other = (process_chip(bench, 1, number) for number in (0, 1, 2))
    assert one.key == process_chip(bench, 1, 0).key != other.key and one.seed is None
    # A pair deviates in opposite directions; V_ref is made by the same process as the neuron.
    assert reference(one) == pytest.approx(-reference(opposite), abs=0.2 * abs(reference(other)))
    assert abs(reference(other)) > 2e-3
    typical = moved(bench)
    assert abs(moved(other) - typical) > 1e-5
    # Its neurons deviate from one another beside.
    neuron = process_chip(bench, 1, 2, neuron=0)
    assert neuron.seed is not None and neuron.values == other.values
    assert moved(neuron) != moved(other) and moved(neuron) != typical
    # The bias circuit's own mismatch leaves the neuron's devices typical.
    biased = [bias_chip(bench, 1, number) for number in (0, 0, 1, 2)]
    assert biased[0].values == biased[1].values != biased[3].values
    assert reference(biased[0]) == pytest.approx(-reference(biased[2]), abs=1e-9)
    assert biased[0].devices == bench.devices and abs(reference(biased[0])) > 1e-4


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_divider_has_no_mismatch() -> None:
    bench = open_bench("gf180_charge_share")
    assert bias_chip(bench, 1, 0).values == bench.values
