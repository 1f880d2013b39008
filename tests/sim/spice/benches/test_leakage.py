"""What leaks from membrane and column of the GF180MCU neurons."""

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.benches.leakage import drift
from tests.support.needs import needs_ngspice, needs_pdk

#: V below V_ref down to which the drift stays small: `gf180_charge_share` has V_ref at 0.36 V, so lower membranes lie
#: below ground, where an NMOS conducts whose gate is grounded
DEEPEST = {"gf180_charge_share": 0.3, "gf180_pass_transistor": 0.5}


@needs_pdk("gf180mcu")
@needs_ngspice
@pytest.mark.parametrize("circuit", ["gf180_charge_share", "gf180_pass_transistor"])
@pytest.mark.parametrize("corner, temperature", [("tt", 27.0), ("ff", 125.0)])
@pytest.mark.proof
def test_a_membrane_drifts_less_than_a_code_over_an_inference(circuit, corner, temperature):
    bench = open_bench(circuit, conditions=Conditions(corner, temperature))
    low, rest, high = (bench.parameters[name] for name in ("v_min", "v_ref", "v_max"))
    for volts in (max(low, rest - DEEPEST[circuit]), rest, high):
        found = drift(bench, volts)
        assert abs(8 * found.membrane) < 1e-4 and abs(found.column) < 1e-5
        assert found.membrane != 0


@needs_pdk("gf180mcu")
@needs_ngspice
@pytest.mark.proof
def test_a_membrane_below_ground_leaks_up():
    """A hot fast circuit loses half a volt in some hundred cycles; the table of that condition holds it."""
    bench = open_bench("gf180_charge_share", conditions=Conditions("ff", 125.0))
    lowest, rest = bench.parameters["v_min"], bench.parameters["v_ref"]
    assert lowest < 0 and 0.9e-3 < drift(bench, lowest).membrane < 1.03e-3
    assert 17e-6 < drift(bench, rest - 0.35).membrane < 20e-6
