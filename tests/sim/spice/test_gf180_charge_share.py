"""The neuron on GF180MCU does under all conditions what it was sized for; its table is checked with the others."""

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.bench import Point, open_bench
from tests.support.needs import needs_ngspice, needs_pdk

pytestmark = [needs_ngspice, needs_pdk("gf180mcu")]

#: the slowest and the fastest, by which the others lie
EXTREMES = [Conditions("ss", -40.0), Conditions("ss", 125.0), Conditions("ff", -40.0), Conditions("ff", 125.0)]
#: V about the middle of the drive range in which a resting neuron begins to fire, at all corners and temperatures
WITHIN = 10e-3


@pytest.mark.parametrize("conditions", EXTREMES, ids=str)
def test_fires_at_the_middle_of_its_drive_range(conditions):
    bench = open_bench("gf180_charge_share", conditions=conditions)
    p = bench.parameters
    middle = (p["u_min"] + p["u_max"]) / 2
    points = [Point(p["v_ref"], middle + shift, b) for b in (False, True) for shift in (-WITHIN, WITHIN)]
    assert [cycle.spike for cycle in bench.simulate(points)] == [False, True] * 2


@pytest.mark.parametrize("c_membrane", [200e-15, 400e-15])
def test_the_membrane_capacitor_is_what_is_asked_for(c_membrane):
    """A cycle without drive leaves of the membrane what its square of MIM capacitor is of both capacitors."""
    bench = open_bench("gf180_charge_share", c_membrane=c_membrane)
    v_ref, c_column = bench.parameters["v_ref"], bench.parameters["c_column"]
    low, high = bench.simulate([Point(v_ref - 0.2, 0.0, False), Point(v_ref, 0.0, False)])
    transistors = 10e-15  # of gates and junctions on the membrane, about
    whole = c_membrane + transistors
    assert (high.v - low.v) / 0.2 == pytest.approx(whole / (whole + c_column), abs=0.005)


def test_references_are_shares_of_the_supply():
    bench = open_bench("gf180_charge_share", conditions=EXTREMES[0])
    p = bench.parameters
    assert p["v_ref"] == pytest.approx(p["supply"] / 5, abs=2e-5)
    assert p["v_reset"] == pytest.approx(p["v_ref"] + p["supply"] / 60, abs=2e-5)
    assert bench.bias_current == pytest.approx(1e-6, rel=1e-3)
