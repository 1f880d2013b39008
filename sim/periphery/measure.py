"""Measures drivers, clock gates and references of a circuit's chip in ngspice."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from captwin.hw.periphery import Driver, Periphery
from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.devices import parts_devices
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.periphery.design import Design, Netlist, clock_driver, row_driver
from captwin.sim.spice.benches.bench import SECONDS_TO_START, Bench, outflow
from captwin.sim.spice.benches.bench_file import row_clock
from captwin.sim.spice.netlist import check_usable, echoed, ending_reason
from captwin.sim.spice.ngspice import SpiceError, run_deck

#: F of a row line and of a clock line that drivers are made and measured for
ROW_LOADS = (20e-15, 50e-15, 100e-15, 200e-15, 500e-15, 1e-12)
CLOCK_LOADS = (20e-15, 50e-15, 100e-15, 200e-15, 500e-15)
#: s after the spike by which a row line must have come within SETTLED of its swing: the membrane is cut off from the
#: column 4 ns after the spike
SETTLING, SETTLED = 3.5e-9, 0.01
#: s that the edge of a clock line takes at most, from a tenth to nine tenths
CLOCK_EDGE = 4e-9
#: clock sources of the bench
CLOCKS = ("phi1", "phi1n", "phi2", "phi2n", "eval", "evaln", "latch", "latchn")
#: C below which a clock line has no gate on it
NO_CHARGE = 1e-18
#: conductance in S that ngspice puts across each junction; its own 1e-12 would be what a cold chip leaks
GMIN = "1e-15"
#: longest step of a simulation and what bounds its errors; and s that it may take
STEP, EXACT, SECONDS = "100p", "reltol=2e-5 chgtol=1e-16", 120.0


class Swing(NamedTuple):
    """What a driver with its load does."""

    energy: float  #: J a swing beyond what charges the load
    leakage: float  #: W between swings
    slowest: float  #: s until a row line has settled; of a clock line, that its slower edge takes


class Line(NamedTuple):
    """A :class:`Driver` fitted to swings, and what it was fitted to."""

    driver: Driver
    slowest: float  #: s, of all loads
    error: float  #: largest share by which the line misses a load's energy, that of the load included


def pdk_of(bench: Bench) -> Pdk:
    """The PDK that ``bench`` stands on; :class:`CaptwinError` if it is none."""
    if bench.models not in pdks():
        raise CaptwinError(
            f"{bench.circuit}: made of devices of {bench.models}, which is no PDK; drivers are made of a PDK's"
            f" transistors: {', '.join(pdks())}"
        )
    return find_pdk(bench.models)


def inverter_input(pdk: Pdk, where: Conditions, supply: float) -> float:
    """F a m of the width of an inverter's NMOS that its input takes as it swings by ``supply`` V."""
    netlist = Netlist(pdk)
    width = 10e-6
    netlist.inverter("in", "out", width, "vdd")
    sources = [f"vdd vdd 0 {supply!r}", _spike(supply)]
    return _run(netlist, where, sources, ["in"]).charges[0] / supply / width


def row_swing(pdk: Pdk, design: Design, where: Conditions, farads: float) -> Swing:
    """The driver of a row whose two lines are loads of ``farads`` each."""
    netlist = Netlist(pdk)
    row_driver(netlist, design, farads, farads)
    loads = [f"cup up 0 {farads!r}", f"cdown down 0 {farads!r}"]
    sources = [f"vvread vread 0 {design.v_read!r}", f"vrail rail 0 {design.rail!r}", f"vdd vdd 0 {design.supply!r}"]
    near, far = SETTLED * design.v_read, (1 - SETTLED) * design.v_read
    edges = [("up", far, "rise"), ("up", near, "fall"), ("down", near, "fall"), ("down", far, "rise")]
    elements = [*sources, *loads, _spike(design.supply)]
    (read, rail, logic, spike), leaks, times = _run(netlist, where, elements, ["vread", "rail", "dd", "in"], edges)
    supply = design.supply
    leakage = supply * leaks[0] + design.rail * leaks[1] + supply * leaks[2]
    drawn = supply * (read - 2 * farads * design.v_read) + design.rail * rail + supply * (logic + spike)
    begins = _edges()
    slowest = max(time - begins[edge in (1, 3)] for edge, time in enumerate(times))
    return Swing(drawn - leakage * PERIOD, leakage, slowest)


def clock_swing(pdk: Pdk, design: Design, where: Conditions, farads: float) -> Swing:
    """The driver of a clock line that is a load of ``farads``."""
    netlist = Netlist(pdk)
    clock_driver(netlist, design, farads)
    sources = [f"vdd vdd 0 {design.supply!r}", f"cload out 0 {farads!r}", _spike(design.supply)]
    low, high = 0.1 * design.supply, 0.9 * design.supply
    edges = [("out", low, "rise"), ("out", high, "rise"), ("out", high, "fall"), ("out", low, "fall")]
    (charge, spike), leaks, times = _run(netlist, where, sources, ["dd", "in"], edges)
    leakage = design.supply * leaks[0]
    drawn = design.supply * (charge + spike - farads * design.supply)
    slowest = max(times[1] - times[0], times[3] - times[2])
    return Swing(drawn - leakage * PERIOD, leakage, slowest)


def fit(loads: Sequence[float], swings: Sequence[Swing], volts: float, lines: int) -> Line:
    """The line of least relative error through ``swings`` at ``loads`` F; a load of ``lines`` lines takes ``volts`` V2
    of energy a F beside its driver."""
    farads = lines * np.array(loads)
    energies, leaks = np.array([swing.energy for swing in swings]), np.array([swing.leakage for swing in swings])
    whole = energies + volts * farads

    def straight(values: np.ndarray, scale: np.ndarray) -> tuple[float, float]:
        matrix = np.stack([1 / scale, farads / scale], axis=1)
        fixed, slope = np.linalg.lstsq(matrix, values / scale, rcond=None)[0]
        return max(0.0, float(fixed)), max(0.0, float(slope))

    energy, leakage = straight(energies, whole), straight(leaks, leaks)
    driver = Driver(*(_digits(number) for number in (*energy, *leakage)))
    error = float((np.abs([driver.energy(load) for load in farads] - energies) / whole).max())
    return Line(driver, max(swing.slowest for swing in swings), error)


def clock_charges(bench: Bench) -> list[float]:
    """C that each of CLOCKS gives a neuron's gates in a cycle, at rest and without a drive."""
    rest = bench.parameters["v_ref"]
    start = [f"alterparam start_v={rest!r}", "alterparam drive=0", "alterparam fired=0", "reset", "run"]
    lines = [bench.head, ".control", *start]
    for name in CLOCKS:
        lines += [f"let drawn={outflow(f'v{name}')}"]
        lines += [f"meas tran charge_{name} integ drawn from=0 to={row_clock().period!r}"]
    lines += ["echo captwin clocks " + " ".join(f"$&charge_{name}" for name in CLOCKS), "quit", ".endc", ".end", ""]
    output = run_deck("\n".join(lines), SECONDS_TO_START)
    check_usable(output, bench.circuit)
    found = echoed(output, "clocks", len(CLOCKS))
    if not found:
        raise SpiceError(f"{bench.circuit}: clock lines: {ending_reason(output)}")
    return list(found[0])


def measure(
    bench: Bench, design: Design, *, neurons_a_driver: int, regulator_current: float
) -> tuple[Periphery, Line, Line]:
    """The periphery of a chip whose neurons are on ``bench``, under its conditions; and the lines fitted for rows and
    clocks.

    Raises :class:`CaptwinError` if the neurons stand on no PDK, or if a line does not settle in its time.
    """
    pdk, conditions = pdk_of(bench), bench.conditions
    rows = fit(
        ROW_LOADS, [row_swing(pdk, design, conditions, load) for load in ROW_LOADS], design.supply * design.v_read, 2
    )
    clocks = fit(CLOCK_LOADS, [clock_swing(pdk, design, conditions, load) for load in CLOCK_LOADS], design.supply**2, 1)
    for what, line, limit in (("row line", rows, SETTLING), ("clock line's edge", clocks, CLOCK_EDGE)):
        if not line.slowest <= limit:
            raise CaptwinError(
                f"{bench.circuit}: {conditions}: a {what} takes {1e9 * line.slowest:.2f} ns, more than"
                f" {1e9 * limit:g} ns; give its switches another width or more volts (--switch-width, --rail)"
            )
    charges = [charge for charge in clock_charges(bench) if charge > NO_CHARGE]
    periphery = Periphery(
        row_driver=rows.driver,
        clock_driver=clocks.driver,
        clock_lines=len(charges),
        clock_gates=_digits(sum(charges) / design.supply),
        neurons_a_driver=neurons_a_driver,
        bias_current=_digits(bench.bias_current or 0.0),
        regulator_current=regulator_current,
    )
    return periphery, rows, clocks


def _digits(number: float) -> float:
    return float(f"{number:.4e}")


#: s from swing to swing here: longer than a chip's cycle, so that the slowest edge ends before the next one begins
PERIOD = 20e-9
#: s after the beginning of that at which the spike begins to rise, and that its edges and its top take
BEGIN, EDGE, TOP = 0.5e-9, 0.1e-9, 9.4e-9


def _spike(supply: float) -> str:
    """A source at node ``in`` that rises and falls as a row's spike does, once in a PERIOD."""
    return f"vin in 0 pulse(0 {supply!r} {BEGIN!r} {EDGE!r} {EDGE!r} {TOP!r} {PERIOD!r})"


def _edges() -> tuple[float, float]:
    """s at which the second spike has half risen, and half fallen."""
    rises = PERIOD + BEGIN + EDGE / 2
    return rises, rises + EDGE + TOP


class _Found(NamedTuple):
    charges: tuple[float, ...]  #: C that flowed out of each source at the second spike
    currents: tuple[float, ...]  #: A that flow out of each where nothing swings
    times: tuple[float, ...]  #: s of the crossings asked for, at the second spike


def _run(
    netlist: Netlist,
    where: Conditions,
    elements: Sequence[str],
    sources: Sequence[str],
    crossings: Sequence[tuple[str, float, str]] = (),
) -> _Found:
    """Two spikes through ``netlist`` with ``elements`` at a corner and temperature: what ``sources``, without their v,
    give; and when nodes cross a voltage, which they ``rise`` or ``fall`` through."""
    corner, temperature = where.corner, where.temperature
    lines = ["* captwin", parts_devices(netlist.pdk, corner, netlist.parts), *netlist.elements, *elements]
    lines += [
        f".temp {temperature!r}",
        f".option gmin={GMIN} {EXACT}",
        f".tran {STEP} {2 * PERIOD!r} {PERIOD!r} {STEP}",
    ]
    lines += [".control", "set numdgt=12", "run", "let last=length(time)-1"]
    for name in sources:
        lines += [f"let drawn=integ({outflow(f'v{name}')})", f"let charge_{name}=drawn[last]"]
    for number, (node, volts, way) in enumerate(crossings):
        lines.append(f"meas tran time_{number} when v({node})={volts!r} {way}=last")
    lines.append("echo captwin charges " + " ".join(f"$&charge_{name}" for name in sources))
    lines.append("echo captwin times 0 " + " ".join(f"$&time_{number}" for number in range(len(crossings))))
    lines += ["op", *(f"let current_{name}=-i(v{name})" for name in sources)]
    lines.append("echo captwin currents " + " ".join(f"$&current_{name}" for name in sources))
    output = run_deck("\n".join([*lines, "quit", ".endc", ".end", ""]), SECONDS)
    widths = (("charges", len(sources)), ("currents", len(sources)), ("times", len(crossings) + 1))
    found = [echoed(output, word, width) for word, width in widths]
    if not all(found):
        raise SpiceError(
            f"driver at {where}: {ending_reason(output)}, or it does not swing; give its switches another width or"
            " more volts (--switch-width, --rail)"
        )
    charges, currents, times = (values[0] for values in found)
    return _Found(charges, currents, times[1:])
