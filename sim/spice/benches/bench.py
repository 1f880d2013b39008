"""A neuron netlist on the test bench: under stated conditions, one clock cycle at a time."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from captwin.hw.support.names import check_name
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.neurons.library import Library
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.devices import pdk_devices
from captwin.sim.spice.benches.bench_file import CYCLE, alter_row, counted, cycle_bench
from captwin.sim.spice.benches.bias import DECIMALS, Bias, solve_bias
from captwin.sim.spice.netlist import check_usable, check_value, echoed, ending_reason, read_netlist
from captwin.sim.spice.ngspice import SETTINGS, SpiceError, SpiceTimeoutError, ngspice_version, run_deck
from captwin.sim.spice.source import Source, read_source

NETLISTS = Path(__file__).parents[1] / "netlists"
MODELS = NETLISTS / "models_180nm.lib"
#: files of netlists end so
NETLIST_SUFFIX = ".cir"
#: neuron netlists that come with Captwin; those in a folder are made of the devices of the PDK that it is named after
OWN_NETLISTS = Library(NETLISTS, NETLIST_SUFFIX, nested=True)
SPICE_CIRCUITS = tuple(OWN_NETLISTS.names())

#: s that a run of ngspice may take to start, and to simulate one cycle
SECONDS_TO_START, SECONDS_A_CYCLE = 30.0, 3.0
#: voltage sources of the bench that feed the neuron; the rows are not among them
SOURCES = ["vdd", "vref", "vreset", "phi1", "phi1n", "phi2", "phi2n", "eval", "evaln", "latch", "latchn"]

#: V by which a node may miss the voltage that a cycle was told to start from
START_TOLERANCE = 1e-4
#: the nodes that are held while the operating point is sought
HELD = ("mem", "col", "spike", "spike_n")


class Point(NamedTuple):
    """How a cycle begins."""

    v: float  #: V, membrane
    u: float  #: V, drive of the column
    fired: bool  #: whether the neuron spiked in the cycle before

    def __str__(self) -> str:
        return f"(v = {self.v:.4f} V, u = {self.u:.4f} V, b = {int(self.fired)})"


class Cycle(NamedTuple):
    """How a cycle ends."""

    v: float  #: V, membrane
    spike: bool  #: whether the neuron spiked
    energy: float  #: J drawn from the supply


class Failed(NamedTuple):
    """A cycle that was not simulated as asked, and why."""

    reason: str


@dataclass(frozen=True)
class Bench:
    """A neuron netlist under stated conditions. :func:`open_bench` makes one."""

    circuit: str  #: its name
    path: Path  #: of the netlist
    netlist: Source  #: what the netlist says
    models: str  #: name of the file of device models, or of the PDK
    devices: Source  #: what their section says that the conditions name
    conditions: Conditions
    values: tuple[tuple[str, float], ...]  #: V and F by the names of PARAMETERS, in their order
    bias_current: float | None = None  #: A that the netlist's bias circuit draws; None if it has none
    #: of ngspice's random numbers, where the devices are statistical ones: one neuron as fabricated
    seed: int | None = None

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Volts and farads by the names of PARAMETERS."""
        return dict(self.values)

    @property
    def foundry(self) -> bool:
        """Whether the devices are those of a foundry's PDK."""
        return self.models in pdks()

    @cached_property
    def sha256(self) -> str:
        """Hash of netlist, models, bench and conditions, and of the files that netlist and models include."""
        seed = [] if self.seed is None else [self.seed]
        conditions = json.dumps([self.conditions.corner, self.conditions.temperature, self.values, *seed])
        included = {**self.devices.included, **self.netlist.included}
        bench = cycle_bench(foundry=self.foundry)
        texts = (self.netlist.raw, self.devices.raw, bench, conditions, *sorted(included.values()))
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    @cached_property
    def key(self) -> str:
        """Hash of all that a simulated cycle depends on: the whole deck, ngspice's version and its settings."""
        texts = (ngspice_version(), SETTINGS, str(START_TOLERANCE), self.deck([Point(0.0, 0.0, False)]))
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    @cached_property
    def head(self) -> str:
        """The deck of one cycle up to its control section."""
        return self.around(cycle_bench(foundry=self.foundry))

    def around(self, bench: str) -> str:
        """A deck of devices, neuron, conditions and ``bench``, up to its control section. It needs no other file."""
        overrides = "\n".join(f".param {name}={value!r}" for name, value in self.values)
        circuit = [self.devices.text, self.netlist.text, overrides, bench]
        return "\n".join([f"* {self.circuit}", *circuit, f".temp {self.conditions.temperature!r}"])

    @property
    def read_again(self) -> list[str]:
        """ngspice's orders to read the circuit again: with other parameters, but the same random numbers."""
        return ["reset"] if self.seed is None else [f"setseed {self.seed}", "reset"]

    def deck(self, points: Sequence[Point]) -> str:
        """A deck that simulates one cycle for each of ``points`` and prints a line for each."""
        drawn = "+".join(outflow(f"v{name}") for name in SOURCES)
        begin, end = counted(foundry=self.foundry)
        lines, last = [self.head, ".control"], None
        for number, point in enumerate(points):
            if (point.v, point.fired) == last:
                lines.append(alter_row(point.u))
            else:
                last = point.v, point.fired
                lines += [f"alterparam start_v={point.v!r}", f"alterparam drive={point.u!r}"]
                lines += [f"alterparam fired={int(point.fired)}", *self.read_again]
            lines += [
                "run",
                *(f"let start_{node}=v({node})[0]" for node in HELD),
                "let last=length(time)-1",
                "let t_end=time[last]",
                f"meas tran v_end find v(mem) at={CYCLE:.9g}n",
                f"meas tran s_end find v(spike) at={CYCLE:.9g}n",
                f"let drawn={drawn}",
                f"meas tran charge integ drawn from={begin:.9g}n to={end:.9g}n",
                f"echo captwin start {number} " + " ".join(f"$&start_{node}" for node in HELD),
                f"echo captwin cycle {number} $&t_end $&v_end $&s_end $&charge",
                "destroy all",
            ]
        return "\n".join([*lines, "quit", ".endc", ".end", ""])

    def simulate(self, points: Sequence[Point]) -> list[Cycle | Failed]:
        """One cycle for each of ``points``; :class:`Failed` where ngspice found no operating point with the nodes held,
        did not reach the cycle's end, or not in time.

        Raises :class:`SpiceError` if it cannot read the netlist at all.
        """
        try:
            output = run_deck(self.deck(points), timeout=SECONDS_TO_START + SECONDS_A_CYCLE * len(points))
        except SpiceTimeoutError:
            if len(points) == 1:
                return [Failed("not in time")]
            half = len(points) // 2
            return self.simulate(points[:half]) + self.simulate(points[half:])
        check_usable(output, self.circuit)
        starts = {int(number): dict(zip(HELD, volts, strict=True)) for number, *volts in echoed(output, "start", 5)}
        ends = {int(number): cycle for number, *cycle in echoed(output, "cycle", 5)}
        return [
            self._cycle(self.held(point.v, fired=point.fired), starts.get(number), ends.get(number), output)
            for number, point in enumerate(points)
        ]

    def held(self, v: float, *, fired: bool) -> dict[str, float]:
        """Volts of the HELD nodes at the start of a cycle from membrane ``v``."""
        supply = self.parameters["supply"]
        spike, spike_n = (supply, 0.0) if fired else (0.0, supply)
        return {"mem": v, "col": self.parameters["v_ref"], "spike": spike, "spike_n": spike_n}

    def _cycle(
        self, asked: Mapping[str, float], start: Mapping[str, float] | None, end: Sequence[float] | None, output: str
    ) -> Cycle | Failed:
        if start is None or end is None or not all(map(math.isfinite, end)):
            return Failed(ending_reason(output))
        if reason := start_mismatch(asked, start):
            return Failed(reason)
        time, v, spike, charge = end
        if time <= 0.9999e-9 * counted(foundry=self.foundry)[1]:
            return Failed(f"{ending_reason(output)}, at {1e9 * time:.3f} ns")
        supply = self.parameters["supply"]
        return Cycle(v, spike > supply / 2, charge * supply)


def start_mismatch(asked: Mapping[str, float], start: Mapping[str, float]) -> str | None:
    """What differs between the voltages that a run was ``asked`` to start from and those of its ``start``, if any."""
    for node, volts in asked.items():
        if not abs(start[node] - volts) <= START_TOLERANCE:
            return f"v({node}) starts at {start[node]:.4f} V in place of {volts:.4f} V"
    return None


def outflow(source: str) -> str:
    """ngspice's expression for the current that flows out of a voltage source, what flows back not counted."""
    return f"(abs(i({source}))-i({source}))/2"


def find_netlist(circuit: str, place: Path | None = None) -> Path:
    """The netlist of ``circuit``: the one that comes with Captwin, or with ``place`` that file, or the one called
    ``CIRCUIT.cir`` in that folder.

    Raises :class:`SpiceError` if there is none of that name.
    """
    check_name(circuit, "circuit")
    if place is not None and not place.is_dir():
        return place
    library = OWN_NETLISTS if place is None or place.resolve() == NETLISTS.resolve() else Library(place, NETLIST_SUFFIX)
    path = library.find(circuit)
    if path is None:
        known = ", ".join(library.names()) or "none"
        if place is None:
            raise SpiceError(f"{circuit}: no netlist of that name; there are {known}; --netlist FILE takes your own")
        raise SpiceError(f"{place}: cannot read netlist: the folder holds no {circuit}.cir; its netlists are {known}")
    return path


def find_devices(netlist: Path, models: Path | None, pdk: str | None) -> str | Path:
    """What a netlist is made of: the PDK called ``pdk``, by its name, or the file ``models``. Where neither is given,
    it is the PDK that the netlist's folder among ours is named after, else our 180 nm cards.

    Raises :class:`SpiceError` if both are given.
    """
    if models is not None and pdk is not None:
        raise SpiceError("--pdk and --models both say what the devices are; give one of them")
    folder = netlist.resolve().parent
    if models is None and pdk is None and folder.parent == NETLISTS.resolve():
        return folder.name
    return pdk or models or MODELS


def check_corners(netlist: Path, models: Path | None, pdk: str | None, corners: Iterable[str]) -> None:
    """Raises :class:`CaptwinError` if the devices of ``netlist``, as :func:`find_devices` finds them, lack a corner."""
    neuron, chosen = read_source(netlist, "netlist"), find_devices(netlist, models, pdk)
    for corner in corners:
        _devices(chosen, corner, neuron, netlist)


def _devices(chosen: str | Path, corner: str, neuron: Source, netlist: Path) -> Source:
    if isinstance(chosen, str):
        return pdk_devices(find_pdk(chosen), corner, neuron.text, str(netlist))
    return read_source(chosen.resolve(), "device models", corner)


def open_bench(
    circuit: str,
    *,
    netlist: Path | None = None,
    models: Path | None = None,
    pdk: str | None = None,
    conditions: Conditions = TYPICAL,
    c_column: float | None = None,
    c_membrane: float | None = None,
) -> Bench:
    """The bench of a circuit, found by :func:`find_netlist`; capacitances in F override the netlist's own.

    ``pdk`` names the foundry's PDK whose devices the neuron is made of, or ``models`` a file with them; by default they
    are those of :func:`find_devices`. ngspice itself reads the netlist, and solves its bias circuit if it has one.
    Raises :class:`SpiceError` if it is not installed, if ports or parameters are missing, or if values are none of a
    circuit, and :class:`CaptwinError` if the PDK is not known, is not here, or has no such corner.

    >>> captwin.open_bench("charge_share", c_column=2e-12).circuit
    'charge_share'
    """
    netlist = find_netlist(circuit, netlist)
    chosen = find_devices(netlist, models, pdk)
    neuron = read_source(netlist, "netlist")
    devices = _devices(chosen, conditions.corner, neuron, netlist)
    bias = solve_bias(netlist, neuron.text, devices.text, conditions.temperature)
    values = _read_values(netlist, neuron, devices, bias)
    given_values = {"c_column": c_column, "c_membrane": c_membrane}
    values |= {name: check_value("given", name, value) for name, value in given_values.items() if value is not None}
    name, current = chosen if isinstance(chosen, str) else chosen.name, bias.current if bias else None
    return Bench(circuit, netlist, neuron, name, devices, conditions, tuple(values.items()), current)


def referred(bench: Bench, devices: Source, seed: int | None = None, *, opposite: bool = False) -> Bench:
    """``bench`` with the references that its bias circuit makes if it is of ``devices``; the capacitances stay.

    With ``seed`` ngspice draws the devices of the bias circuit, which must be statistical ones. ``opposite`` references
    are as far from those of ``bench`` on the other side. Raises :class:`SpiceError` as :func:`open_bench` does.
    """
    bias = solve_bias(bench.path, bench.netlist.text, devices.text, bench.conditions.temperature, seed)
    if bias is not None and opposite:
        v_ref, v_reset = (2 * bench.parameters[name] - getattr(bias, name) for name in ("v_ref", "v_reset"))
        bias = replace(bias, v_ref=round(v_ref, DECIMALS), v_reset=round(v_reset, DECIMALS))
    values = _read_values(bench.path, bench.netlist, devices, bias)
    kept = {name: bench.parameters[name] for name in ("c_column", "c_membrane")}
    return replace(bench, values=tuple({**values, **kept}.items()), bias_current=bias.current if bias else None)


def _read_values(netlist: Path, neuron: Source, devices: Source, bias: Bias | None) -> dict[str, float]:
    """The netlist's parameters, which may depend on the references of its ``bias`` circuit, if it has one."""
    text = f"{devices.text}\n{neuron.text}"
    values = read_netlist(netlist, f"{text}\n{bias.text}" if bias else text)
    for axis in "vu":
        if not values[f"{axis}_min"] < values[f"{axis}_max"]:
            raise SpiceError(f"{netlist}: {axis}_min must lie below {axis}_max")
    if not values["v_min"] <= values["v_ref"] <= values["v_max"]:
        raise SpiceError(f"{netlist}: v_ref must lie between v_min and v_max")
    return values
