"""The simple neuron on GF180MCU does at all corners what it was sized for; its table is tested with the others."""

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import Bench, Point, open_bench
from tests.support.needs import needs_ngspice, needs_pdk

pytestmark = [needs_ngspice, needs_pdk("gf180mcu")]

#: where its threshold is least, where it is highest, and where the latch is hardest to overwrite: slow transistors of
#: both kinds when cold, and fast ones of one kind against slow ones of the other
EXTREMES = [Conditions("sf", -40.0), Conditions("ff", -40.0), Conditions("ss", -40.0), Conditions("fs", -40.0)]
#: shares of the highest drive between which a resting neuron begins to fire, at all corners and temperatures
SHARES = 0.07, 0.35


@pytest.fixture(scope="module", params=EXTREMES, ids=str)
def bench(request) -> Bench:
    return open_bench("gf180_pass_transistor", conditions=request.param)


def test_fires_within_its_drive_range_and_overwrites_its_latch(bench):
    """Whatever the latch holds, a drive well below the threshold clears it, and one well above sets it."""
    p = bench.parameters
    drives = [(False, SHARES[0]), (False, SHARES[1]), (True, -0.2), (True, 0.8)]
    cycles = bench.simulate([Point(p["v_ref"], share * p["u_max"], fired) for fired, share in drives])
    assert [cycle.spike for cycle in cycles] == [False, True] * 2
    assert max(cycle.energy for cycle in cycles) < 90e-15


def test_references_follow_the_threshold_voltage(bench):
    """Both lie a threshold voltage below the supply, which slow NMOS have higher than fast ones."""
    p, slow = bench.parameters, bench.conditions.corner in ("ss", "sf")
    assert (p["v_ref"] < 0.3) == slow and (p["v_ref"] > 0.36) == (not slow)
    assert 0.01 < p["v_ref"] - p["v_reset"] < 0.06
    assert 0 < bench.bias_current < 5e-6
