"""Drivers as transistors: what is committed is what ngspice says, and sizes are those that the PDK allows."""

from types import SimpleNamespace
from typing import cast

import pytest

from captwin.hw.periphery import Driver, Periphery
from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import TABLES
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.periphery import circuit
from captwin.sim.periphery.circuit import design_of
from captwin.sim.periphery.circuit_file import CircuitPeriphery, periphery_file
from captwin.sim.periphery.design import Design, Netlist, row_driver
from captwin.sim.periphery.measure import measure, row_swing
from captwin.sim.spice.benches.bench import Bench, open_bench
from tests.support.needs import needs_ngspice, needs_pdk

CIRCUITS = ["gf180_charge_share", "gf180_pass_transistor"]


def committed(circuit: str) -> CircuitPeriphery:
    return CircuitPeriphery.load(periphery_file(TABLES.folder / f"{circuit}.json"))


def design(own: CircuitPeriphery) -> Design:
    return Design(own.supply, own.v_read, own.rail, own.switch_width, own.inverter_input)


def test_sizes_stay_on_the_grid_and_within_limits() -> None:
    """A switch wider than a transistor may be is several side by side."""
    pdk = find_pdk("gf180mcu")
    for rail in (1.8, 2.85):
        netlist = Netlist(pdk)
        row_driver(netlist, Design(1.8, 1.2, rail, 4e7, 5e-9), 5e-12, 20e-15)
        widths = [part.w for part in netlist.parts]
        assert all(abs(w / pdk.grid - round(w / pdk.grid)) < 1e-6 for w in widths)
        assert min(widths) >= 0.22e-6 * (1 - 1e-9) and max(widths) <= 100e-6 * (1 + 1e-9)
        assert sum(w for w in widths if w > 50e-6) == pytest.approx(5e-12 * 4e7 * 1.5, rel=0.01)


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_row_driver_costs_what_its_file_says() -> None:
    own = committed("gf180_charge_share")
    swing = row_swing(find_pdk(own.pdk), design(own), Conditions(), 100e-15)
    driver = own.conditions["tt_27"].row_driver
    assert swing.energy == pytest.approx(driver.energy(200e-15), rel=0.06)
    assert swing.slowest < 2.5e-9


@needs_ngspice
def test_drivers_need_a_pdk() -> None:
    with pytest.raises(CaptwinError, match=r"models_180nm[.]lib, which is no PDK; drivers are made of a PDK's"):
        design_of(open_bench("charge_share"))


@pytest.mark.proof
@needs_ngspice
@needs_pdk("gf180mcu")
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_committed_peripheries_are_measured_again(circuit: str) -> None:
    """All conditions: a driver's energy at a small and a large load within a percent, leakage within five, which is of
    the smallest currents that ngspice finds."""
    own = committed(circuit)
    for name, expected in own.conditions.items():
        bench = open_bench(circuit, conditions=Conditions.of_name(name))
        found, _, _ = measure(bench, design(own), neurons_a_driver=16, regulator_current=expected.regulator_current)
        pairs = ((expected.row_driver, found.row_driver), (expected.clock_driver, found.clock_driver))
        for load in (50e-15, 500e-15):
            for ours, theirs in pairs:
                assert theirs.energy(load) == pytest.approx(ours.energy(load), rel=0.01), name
                assert theirs.power(load) == pytest.approx(ours.power(load), rel=0.05), name
        assert found.clock_lines == expected.clock_lines
        assert found.clock_gates == pytest.approx(expected.clock_gates, rel=0.01), name
        assert found.bias_current == pytest.approx(expected.bias_current, rel=0.01), name


def test_what_no_neuron_has_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(5e-14, 0.9, 1e-12, 6.0)
    bench = SimpleNamespace(path="mine.cir", models="gf180mcu", circuit="mine")
    monkeypatch.setattr(circuit, "design_of", lambda *_: Design(1.8, 1.2, 2.85, 4e7, 5e-9))
    values = {"clock_lines": 4, "clock_gates": 1e-14, "neurons_a_driver": 16, "regulator_current": 0.0}
    monkeypatch.setattr(
        circuit,
        "measure",
        lambda *_, **__: Periphery(row_driver=driver, clock_driver=driver, bias_current=180.0, **values),
    )
    with pytest.raises(CaptwinError) as caught:
        circuit.measure_circuit(lambda _: cast(Bench, bench), [Conditions()], "2026-01-31")
    message = "mine.cir: tt, 27 deg C: bias_current: Input should be less than or equal to 1; mend it"
    assert str(caught.value) == message


def test_a_supply_that_breaks_transistors_is_refused() -> None:
    bench = SimpleNamespace(path="mine.cir", models="gf180mcu", parameters={"supply": 50.0, "v_read": 1.2})
    with pytest.raises(CaptwinError, match=r"mine.cir: its supply is 50 V; gf180mcu's transistors take 3.63 V at most"):
        design_of(cast(Bench, bench))
