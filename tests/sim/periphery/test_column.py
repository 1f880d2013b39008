"""A column with its row drivers, all of it transistors: what ngspice draws against what the energy model foretells."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.sim import energy, golden
from captwin.sim.neurons.circuits import TABLES, load_circuit
from captwin.sim.pdk.devices import parts_devices
from captwin.sim.pdk.place import place_of
from captwin.sim.pdk.sizes import netlist_parts
from captwin.sim.periphery.circuit_file import CircuitPeriphery, periphery_file
from captwin.sim.periphery.design import Design, Netlist, row_driver
from captwin.sim.periphery.measure import pdk_of
from captwin.sim.spice.benches.bench import SOURCES, Bench, open_bench, outflow
from captwin.sim.spice.benches.bench_file import column_bench, row_clock
from captwin.sim.spice.netlist import echoed
from captwin.sim.spice.ngspice import run_deck
from captwin.sim.spice.source import Source
from tests.support.circuit_chips import circuit_chip
from tests.support.needs import needs_ngspice, needs_pdk

#: s after the beginning of a cycle when nothing moves: energies are counted from there to there
PAUSE = 4.8e-9
CYCLE = row_clock().period


def spike_source(number: int, train: np.ndarray, supply: float) -> str:
    """A row's spikes as the row logic gives them to its driver."""
    clock, points = row_clock(), [(0.0, 0.0)]
    for step in np.flatnonzero(train):
        begin = step * clock.period + clock.delay
        top = begin + clock.rise
        points += [(begin, 0.0), (top, supply), (top + clock.width, supply), (top + clock.width + clock.fall, 0.0)]
    return f"vin{number} in{number} 0 pwl(" + " ".join(f"{time:.9g} {volts:g}" for time, volts in points) + ")"


def deck(bench: Bench, own: CircuitPeriphery, chip: Chip, neuron: int, spikes: np.ndarray) -> str:
    """The column of a neuron of the first layer with a driver for each row, as large as the whole layer needs it; the
    other columns are capacitances to ground. Rows of the bias come last."""
    layer, analog, pdk = chip.layers[0], chip.analog.in_layer(0), pdk_of(bench)
    design = Design(own.supply, own.v_read, own.rail, own.switch_width, own.inverter_input)
    plus, minus = np.vstack([layer.c_plus, layer.c_bias[:1]]), np.vstack([layer.c_minus, layer.c_bias[1:]])
    wire = layer.columns * analog.row_wire
    trains = np.vstack([spikes.T, np.ones((1, len(spikes)))])
    netlist, elements = Netlist(pdk), []
    for row, train in enumerate(trains):
        row_driver(netlist, design, float(plus[row].sum()) + wire, float(minus[row].sum()) + wire, str(row))
        elements.append(spike_source(row, train, own.supply))
        for line, farads in (("up", plus[row]), ("down", minus[row])):
            elements.append(f"c{line}{row} {line}{row} col {farads[neuron]:.9g}")
            elements.append(f"cx{line}{row} {line}{row} 0 {farads.sum() - farads[neuron] + wire:.9g}")
    ballast = float(layer.c_column[neuron] - plus[:, neuron].sum() - minus[:, neuron].sum())
    elements += [f"cballast col 0 {max(ballast, 0.0):.9g}", f"vrows vread 0 {own.v_read!r}"]
    elements += [f"vrail rail 0 {own.rail!r}", f"vlogic vlogic 0 {own.supply!r}"]
    drivers = [element.replace(" vdd", " vlogic") for element in netlist.elements]
    end = len(spikes) * CYCLE + PAUSE
    run = [".param start_v={v_ref}", ".option reltol=2e-5 chgtol=1e-16", f".tran 100p {end!r} 0 100p"]
    wrapper = pdk.cards[place_of(pdk).layout].corners[bench.conditions.corner]
    parts = [*netlist_parts(pdk, wrapper, bench.netlist.text, "neuron"), *netlist.parts]
    cards = parts_devices(pdk, bench.conditions.corner, parts)
    whole = replace(bench, devices=Source(cards, cards, {}))
    lines = [whole.around("\n".join([column_bench(), *drivers, *elements, *run])), ".control", "run"]
    sources = {
        "neuron": [f"v{name}" for name in SOURCES],
        "lines": ["vrows"],
        "rail": ["vrail"],
        "logic": ["vlogic", *(f"vin{row}" for row in range(len(trains)))],
    }
    for part, names in sources.items():
        lines.append(f"let drawn={'+'.join(map(outflow, names))}")
        lines.append(f"meas tran charge_{part} integ drawn from={PAUSE!r} to={end!r}")
    lines.append("echo captwin charges " + " ".join(f"$&charge_{part}" for part in sources))
    return "\n".join([*lines, "quit", ".endc", ".end", ""])


@pytest.mark.proof
@needs_ngspice
@needs_pdk("gf180mcu")
@pytest.mark.parametrize("circuit", ["gf180_charge_share", "gf180_pass_transistor"])
def test_a_column_with_its_drivers(circuit: str) -> None:
    own = CircuitPeriphery.load(periphery_file(TABLES.folder / f"{circuit}.json"))
    table = replace(load_circuit(circuit), v_read=own.v_read)
    chip = circuit_chip(3, sizes=(12, 7, 4), table=table)
    bench = open_bench(circuit, c_column=float(str(chip.layers[0].c_column[0])), c_membrane=table.c_membrane)
    spikes = np.random.default_rng(5).integers(0, 2, (6, 12))
    neuron = 2
    (charges,) = echoed(run_deck(deck(bench, own, chip, neuron, spikes), 600.0), "charges", 4)
    rows = energy.row_supply(chip.analog)
    neuron_drawn, *rows_drawn = np.array(charges) * [own.supply, rows, own.rail, own.supply]
    layer, analog = chip.layers[0], chip.analog.in_layer(0)
    trace = golden.run_layer(layer, chip.formats, spikes[None])
    u = trace.drives[0]
    v, b = np.full_like(trace.membranes[0], layer.rest), np.zeros_like(trace.spikes[0])
    v[1:], b[1:] = trace.membranes[0, :-1], trace.spikes[0, :-1]
    neurons = energy.neuron_energy(layer, chip.formats, v, b, u)[:, neuron].sum()
    quiet = energy.quiet_energy(layer, chip.formats, analog, u)[:, neuron].sum()
    loads = energy.row_loads(layer, analog)
    events, steps = spikes.sum(axis=0), len(spikes)
    bias = energy.bias_load(layer, analog)
    lines = events @ energy.line_energy(loads, analog) + steps * energy.line_energy(bias, analog) + quiet
    drivers = events @ energy.driver_energy(loads, analog) + steps * energy.driver_energy(bias, analog)
    assert sum(rows_drawn) == pytest.approx(lines + drivers, rel=0.03)
    assert sum(rows_drawn) + neuron_drawn == pytest.approx(lines + drivers + neurons, rel=0.03)
