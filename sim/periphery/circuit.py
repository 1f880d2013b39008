"""Measures the periphery of a circuit's chips under several conditions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from captwin.hw.support.digest import sha256_of
from captwin.hw.support.documents import first_fault
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.periphery.circuit_file import CircuitPeriphery
from captwin.sim.periphery.design import Design
from captwin.sim.periphery.measure import Line, inverter_input, measure, pdk_of
from captwin.sim.spice.benches.bench import Bench

#: m from neuron to neuron along the wires of their clocks
NEURON_PITCH = 6e-6
#: neurons that share the last drivers of their clocks
NEURONS_A_DRIVER = 16
#: A of the regulator of v_read beyond what it delivers, unless stated, if there is one
REGULATOR_CURRENT = 10e-6
#: V by which the gates of NMOS switches go above v_read, as a share of what the PDK's transistors are made for
OVERDRIVE = 0.4
#: what transistors take, over what they are made for
MOST_RAIL = 1.1
#: m of the transistor that takes a row line up, a F of its load, unless stated: of an NMOS, of a PMOS
NMOS_WIDTH, PMOS_WIDTH = 4e7, 5e7


@dataclass(frozen=True)
class Measured:
    """What was measured under one of the conditions beside what the file holds."""

    conditions: Conditions
    rows: Line
    clocks: Line


def design_of(bench: Bench, rail: float | None = None, switch_width: float | None = None) -> Design:
    """The drivers for the circuit of ``bench``, sized under its conditions.

    ``rail`` is by default v_read if rows swing by the supply, or by more, which is then a supply of its own, and by
    OVERDRIVE of the PDK's own supply at least, so that PMOS take them up. Else it is v_read and OVERDRIVE of the PDK's
    own supply, but no more than that, and no less than the circuit's. :class:`CaptwinError` if the transistors do not
    take it.
    """
    pdk, supply, v_read = pdk_of(bench), bench.parameters["supply"], bench.parameters["v_read"]
    overdrive = OVERDRIVE * pdk.supply
    if rail is None:
        rail = v_read if v_read > supply - 1e-6 and v_read >= overdrive else min(pdk.supply, v_read + overdrive)
        rail = round(max(supply, rail), 4)
    most = MOST_RAIL * pdk.supply
    if supply > most:
        raise CaptwinError(
            f"{bench.path}: its supply is {supply:g} V; {pdk.name}'s transistors take {most:g} V at most; lower it"
        )
    if v_read > most:
        raise CaptwinError(
            f"{bench.path}: its v_read is {v_read:g} V; {pdk.name}'s transistors take {most:g} V at most; lower it"
        )
    if not supply <= rail <= most:
        raise CaptwinError(
            f"rail: expected {supply:g} V, the circuit's supply, to {most:g} V, which {pdk.name}'s transistors take,"
            f" got {rail:g} V"
        )
    taken = float(f"{inverter_input(pdk, bench.conditions, supply):.4e}")
    if switch_width is None:
        switch_width = PMOS_WIDTH if rail < v_read + 1e-6 else NMOS_WIDTH
    return Design(supply, v_read, rail, switch_width, taken)


def _as_before(
    before: CircuitPeriphery,
    bench: Bench,
    rail: float | None,
    switch_width: float | None,
    regulator_current: float | None,
) -> tuple[Design, float]:
    """The drivers of ``before`` and A of its regulator; what is asked for, and the circuit of ``bench``, must agree."""
    currents = sorted({periphery.regulator_current for periphery in before.conditions.values()})
    agree = {
        "netlist": before.source_sha256 == sha256_of(bench.netlist.raw),
        "PDK": before.pdk == pdk_of(bench).name,
        "supply": abs(before.supply - bench.parameters["supply"]) < 1e-6,
        "v_read": abs(before.v_read - bench.parameters["v_read"]) < 1e-6,
        "rail": rail in (None, before.rail),
        "switch width": switch_width in (None, before.switch_width),
        "regulator current": len(currents) == 1 and regulator_current in (None, *currents),
    }
    for name, same in agree.items():
        if not same:
            raise CaptwinError(
                f"{before.circuit}: what the file holds of other conditions is of another {name}; measure all of them"
                " again (--corners, --temperatures), or name another file with --output"
            )
    return Design(before.supply, before.v_read, before.rail, before.switch_width, before.inverter_input), currents[0]


def clock_load(pdk: Pdk, clock_lines: int) -> float:
    """F of all clock lines together a neuron; they lie twice as far apart as they may."""
    clocks = pdk.wires.clocks
    return float(f"{clock_lines * clocks.wire(NEURON_PITCH, space=2 * clocks.space).farads:.4e}")


def measure_circuit(
    open_at: Callable[[Conditions], Bench],
    wanted: Sequence[Conditions],
    date: str,
    *,
    rail: float | None = None,
    switch_width: float | None = None,
    regulator_current: float | None = None,
    before: CircuitPeriphery | None = None,
    progress: Progress = silent,
) -> tuple[CircuitPeriphery, list[Measured]]:
    """The periphery of chips of the circuit that ``open_at`` opens, under each of the ``wanted`` conditions; drivers
    are sized under the first of them. ``date`` is when, ISO 8601. ``regulator_current`` is by default 0 A where rows
    swing by the supply, which needs no regulator, else REGULATOR_CURRENT. With ``before``, what was measured earlier,
    drivers and regulator are those, and what is there of conditions that are not ``wanted`` is kept.

    Raises :class:`CaptwinError` if the circuit stands on no PDK, if a driver does not do its work somewhere, or if
    ``before`` is of another netlist or of other drivers than those asked for.
    """
    first = open_at(wanted[0])
    pdk = pdk_of(first)
    if before is None:
        design = design_of(first, rail, switch_width)
    else:
        design, regulator_current = _as_before(before, first, rail, switch_width, regulator_current)
    if regulator_current is None:
        regulator_current = REGULATOR_CURRENT if design.v_read < design.supply - 1e-6 else 0.0
    found, measured = dict(before.conditions) if before else {}, []
    for number, conditions in enumerate(wanted):
        progress(str(conditions), number, len(wanted))
        try:
            periphery, rows, clocks = measure(
                first if number == 0 else open_at(conditions),
                design,
                neurons_a_driver=NEURONS_A_DRIVER,
                regulator_current=regulator_current,
            )
        except ValidationError as error:  # what was measured is none of a neuron
            raise CaptwinError(f"{first.path}: {conditions}: {': '.join(first_fault(error))}; mend it") from None
        found[conditions.name] = periphery
        measured.append(Measured(conditions, rows, clocks))
    progress("done", len(wanted), len(wanted))
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
        neuron_pitch=NEURON_PITCH,
        clock_wire=clock_load(pdk, max(periphery.clock_lines for periphery in found.values())),
        conditions=found,
    )
    return whole, measured
