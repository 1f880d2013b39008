"""Measures the periphery of a circuit's chips under several conditions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from captwin.hw.support.digest import sha256_of
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.periphery.circuit_file import CircuitPeriphery
from captwin.sim.periphery.design import Design
from captwin.sim.periphery.measure import Line, inverter_input, measure, pdk_of
from captwin.sim.spice.bench import Bench

#: m from column to column, and from neuron to neuron along the wires of their clocks
CELL_PITCH, NEURON_PITCH = 2e-6, 6e-6
#: neurons that share the last drivers of their clocks
NEURONS_A_DRIVER = 16
#: A of the regulator of v_read beyond what it delivers, unless stated
REGULATOR_CURRENT = 10e-6
#: V by which the gates of the rows' switches go above v_read, over what the PDK's transistors are made for, unless stated
OVERDRIVE = 0.5
#: m of the switch that takes a row line up, a F of its load, unless stated
SWITCH_WIDTH = 1e-6 / 27e-15


@dataclass(frozen=True)
class Measured:
    """What was measured under one of the conditions beside what the file holds."""

    conditions: Conditions
    rows: Line
    clocks: Line


def design_of(bench: Bench, rail: float | None = None, switch_width: float = SWITCH_WIDTH) -> Design:
    """The drivers for the circuit of ``bench``, sized under its conditions; ``rail`` V by default 50 mV or less above
    v_read and OVERDRIVE of the PDK's own supply, but no less than the circuit's supply."""
    pdk, supply, v_read = pdk_of(bench), bench.parameters["supply"], bench.parameters["v_read"]
    if rail is None:
        rail = max(supply, math.ceil((v_read + OVERDRIVE * pdk.supply) * 20 - 1e-6) / 20)
    if not supply <= rail <= pdk.supply * 1.1:
        raise CaptwinError(
            f"rail: expected {supply:g} V, the circuit's supply, to {1.1 * pdk.supply:g} V, which {pdk.name}'s"
            f" transistors take, got {rail:g} V"
        )
    taken = float(f"{inverter_input(pdk, bench.conditions, supply):.4e}")
    return Design(supply, v_read, rail, switch_width, taken)


def wire_loads(pdk: Pdk, clock_lines: int) -> tuple[float, float]:
    """F of one row line a column that it crosses, and of all clock lines together a neuron. Half the space of a column's
    pitch is a row line's; clock lines lie twice as far apart as they may."""
    rows, clocks = pdk.wires.rows, pdk.wires.clocks
    row = rows.wire(CELL_PITCH, space=CELL_PITCH / 2 - rows.width).farads + pdk.wires.crossing()
    clock = clocks.wire(NEURON_PITCH, space=2 * clocks.space).farads
    return float(f"{row:.4e}"), float(f"{clock_lines * clock:.4e}")


def measure_circuit(
    open_at: Callable[[Conditions], Bench],
    wanted: Sequence[Conditions],
    date: str,
    *,
    rail: float | None = None,
    switch_width: float = SWITCH_WIDTH,
    regulator_current: float = REGULATOR_CURRENT,
    progress: Progress = silent,
) -> tuple[CircuitPeriphery, list[Measured]]:
    """The periphery of chips of the circuit that ``open_at`` opens, under each of the ``wanted`` conditions; drivers are
    sized under the first of them. ``date`` is when, ISO 8601.

    Raises :class:`CaptwinError` if the circuit stands on no PDK, or a driver does not do its work somewhere.
    """
    first = open_at(wanted[0])
    pdk, design = pdk_of(first), design_of(first, rail, switch_width)
    found, measured = {}, []
    for number, conditions in enumerate(wanted):
        progress(str(conditions), number, len(wanted))
        periphery, rows, clocks = measure(
            first if number == 0 else open_at(conditions),
            design,
            neurons_a_driver=NEURONS_A_DRIVER,
            regulator_current=regulator_current,
        )
        found[conditions.name] = periphery
        measured.append(Measured(conditions, rows, clocks))
    progress("done", len(wanted), len(wanted))
    row_wire, clock_wire = wire_loads(pdk, max(periphery.clock_lines for periphery in found.values()))
    whole = CircuitPeriphery(
        circuit=first.circuit,
        pdk=pdk.name,
        date=date,
        source_sha256=sha256_of(first.netlist.raw),
        supply=design.supply,
        v_read=design.v_read,
        rail=design.rail,
        switch_width=design.switch_width,
        inverter_input=design.inverter_input,
        cell_pitch=CELL_PITCH,
        neuron_pitch=NEURON_PITCH,
        row_wire=row_wire,
        clock_wire=clock_wire,
        conditions=found,
    )
    return whole, measured
