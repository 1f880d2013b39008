"""The mild neurons of foundries' devices do what they were sized for in all conditions; their tables are checked with
those of all neurons."""

from functools import cache

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import Bench, Point, open_bench
from tests.support.needs import needs_ngspice, needs_pdk
from tests.support.proofs import proof

pytestmark = needs_ngspice
GF180, SKY130 = "gf180_charge_share", "sky130_charge_share"

#: the slowest and the fastest, by which the others lie; reading SKY130's cards takes a while
SLOW, *OTHERS = [Conditions("ss", -40.0), Conditions("ss", 125.0), Conditions("ff", -40.0), Conditions("ff", 125.0)]
#: V of drive at which a resting neuron begins to fire, and how far off that is at any corner and temperature
FIRES, WITHIN = 37e-3, 7e-3


@cache
def _bench(circuit: str, conditions: Conditions) -> Bench:
    return open_bench(circuit, conditions=conditions)


def _fires_at_one_drive(circuit: str, conditions: Conditions) -> None:
    bench = _bench(circuit, conditions)
    rest = bench.parameters["v_ref"]
    points = [Point(rest, FIRES + shift, b) for b in (False, True) for shift in (-WITHIN, WITHIN)]
    assert [cycle.spike for cycle in bench.simulate(points)] == [False, True] * 2


@needs_pdk("gf180mcu")
@pytest.mark.parametrize("conditions", [SLOW, *OTHERS], ids=str)
def test_gf180_fires_at_one_drive(conditions):
    _fires_at_one_drive(GF180, conditions)


@needs_pdk("sky130")
@pytest.mark.parametrize("conditions", [SLOW, *map(proof, OTHERS)], ids=str)
def test_sky130_fires_at_one_drive(conditions):
    _fires_at_one_drive(SKY130, conditions)


@pytest.mark.parametrize(
    ("circuit", "c_membrane"),
    [
        pytest.param(GF180, 200e-15, marks=needs_pdk("gf180mcu")),
        pytest.param(GF180, 400e-15, marks=needs_pdk("gf180mcu")),
        pytest.param(SKY130, 200e-15, marks=[needs_pdk("sky130"), pytest.mark.proof]),
        pytest.param(SKY130, 400e-15, marks=needs_pdk("sky130")),
    ],
)
def test_the_membrane_capacitor_is_what_is_asked_for(circuit, c_membrane):
    """A cycle without drive leaves of the membrane what its square of MIM capacitor is of both capacitors."""
    bench = open_bench(circuit, c_membrane=c_membrane)
    v_ref, c_column = bench.parameters["v_ref"], bench.parameters["c_column"]
    low, high = bench.simulate([Point(v_ref - 0.2, 0.0, False), Point(v_ref, 0.0, False)])
    transistors = 10e-15  # of gates and junctions on the membrane, about
    whole = c_membrane + transistors
    assert (high.v - low.v) / 0.2 == pytest.approx(whole / (whole + c_column), abs=0.005)


@pytest.mark.parametrize(
    ("circuit", "above"),
    [
        pytest.param(GF180, 1 / 90, marks=needs_pdk("gf180mcu")),
        pytest.param(SKY130, 22 / 1800, marks=needs_pdk("sky130")),
    ],
)
def test_references_are_shares_of_the_supply(circuit, above):
    bench = _bench(circuit, SLOW)
    p = bench.parameters
    assert p["v_ref"] == pytest.approx(p["supply"] / 5, abs=2e-5)
    assert p["v_reset"] == pytest.approx(p["v_ref"] + p["supply"] * above, abs=2e-5)
    assert bench.bias_current == pytest.approx(1e-6, rel=1e-3)
