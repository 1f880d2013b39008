"""What leaks from membrane and column of the GF180MCU neurons."""

import pytest

from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.benches.leakage import drift
from tests.support.needs import needs_ngspice, needs_pdk


@needs_pdk("gf180mcu")
@needs_ngspice
@pytest.mark.parametrize("circuit", ["gf180_charge_share", "gf180_pass_transistor"])
@pytest.mark.parametrize("corner, temperature", [("tt", 27.0), ("ff", 125.0)])
@pytest.mark.proof
def test_a_membrane_drifts_less_than_a_code_over_an_inference(circuit, corner, temperature):
    bench = open_bench(circuit, conditions=Conditions(corner, temperature))
    for name in ("v_min", "v_ref", "v_max"):
        found = drift(bench, bench.parameters[name])
        assert abs(8 * found.membrane) < 1e-4 and abs(found.column) < 1e-5
        assert found.membrane != 0
