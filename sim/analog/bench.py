"""A neuron netlist on the test bench: under stated conditions, one clock cycle at a time."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from hw.support.files import read_bytes
from sim.analog.netlist import check_ports, included, parameters
from sim.analog.ngspice import SpiceError, SpiceTimeoutError, run_deck

NETLISTS = Path(__file__).parent / "netlists"
MODELS = NETLISTS / "models_180nm.lib"
BENCH = NETLISTS / "bench.cir"
#: neuron netlists that come with Captwin
SPICE_CIRCUITS = ("charge_share", "pass_transistor")
CORNERS = ("tt", "ff", "ss")

#: s that a run of ngspice may take to start, and to simulate one cycle
SECONDS_TO_START, SECONDS_A_CYCLE = 30.0, 3.0
#: voltage sources of the bench that feed the neuron; the rows are not among them
SOURCES = ["vdd", "vref", "vreset", "phi1", "phi1n", "phi2", "phi2n", "eval", "evaln", "latch", "latchn"]

#: what ngspice says of a netlist of which it simulates nothing
_UNUSABLE = re.compile(
    r"^.*(unknown subckt|too (few|many) parameters|could not find|simulation interrupted"
    r"|unable to find definition|undefined parameter|fatal).*$",
    re.MULTILINE | re.IGNORECASE,
)


class Point(NamedTuple):
    """How a cycle begins: membrane and drive in V, and whether the neuron spiked in the cycle before."""

    v: float
    u: float
    fired: bool

    def __str__(self) -> str:
        return f"(v = {self.v:.4f} V, u = {self.u:.4f} V, b = {int(self.fired)})"


class Cycle(NamedTuple):
    """How it ends: membrane in V, whether the neuron spiked, energy drawn from the supply in J."""

    v: float
    spike: bool
    energy: float


@dataclass(frozen=True)
class Bench:
    """A neuron netlist under stated conditions. :func:`open_bench` makes one."""

    circuit: str
    path: Path  #: of the netlist
    netlist: str  #: its text
    models: Path
    corner: str
    temperature: float  #: deg C
    values: tuple[tuple[str, float], ...]  #: of PARAMETERS

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Volts and farads by the names of PARAMETERS."""
        return dict(self.values)

    @cached_property
    def sha256(self) -> str:
        """Hash of netlist, models, bench and conditions, and of the files that netlist and models include."""
        conditions = json.dumps([self.corner, self.temperature, self.values])
        models = read_bytes(self.models, "device models").decode(errors="replace")
        others = {*included(self.models, models), *included(self.path, self.netlist)}
        parts = (self.netlist, models, BENCH.read_text(), conditions, *sorted(others))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @cached_property
    def head(self) -> str:
        """The deck of one cycle up to its control section."""
        return self.around(BENCH.read_text())

    def around(self, bench: str) -> str:
        """A deck of devices, neuron, conditions and ``bench``, up to its control section."""
        text = read_bytes(self.models, "device models").decode(errors="replace")
        sections = re.findall(r"^\s*\.lib\s+(\w+)\s*$", text, re.MULTILINE | re.IGNORECASE)
        if sections and self.corner not in sections:
            raise SpiceError(f"{self.models}: no corner {self.corner!r}; its sections are {', '.join(sections)}")
        models = f".lib '{self.models}' {self.corner}" if sections else f".include '{self.models}'"
        overrides = "\n".join(f".param {name}={value!r}" for name, value in self.values)
        return "\n".join([f"* {self.circuit}", models, self.netlist, overrides, bench, f".temp {self.temperature}"])

    def deck(self, points: Sequence[Point]) -> str:
        """A deck that simulates one cycle for each of ``points`` and prints a line for each."""
        drawn = "+".join(given(f"v{name}") for name in SOURCES)
        lines = [self.head, ".control"]
        for number, point in enumerate(points):
            lines += [
                f"alterparam start_v={point.v!r}",
                f"alterparam drive={point.u!r}",
                f"alterparam fired={int(point.fired)}",
                "reset",
                "run",
                "let last=length(time)-1",
                "let t_end=time[last]",
                "let v_end=v(mem)[last]",
                "let s_end=v(spike)[last]",
                f"let drawn={drawn}",
                "meas tran charge integ drawn",
                f"echo captwin {number} $&t_end $&v_end $&s_end $&charge",
                "destroy all",
            ]
        return "\n".join([*lines, "quit", ".endc", ".end", ""])

    def simulate(self, points: Sequence[Point]) -> list[Cycle | None]:
        """One cycle for each of ``points``; None where ngspice did not reach the cycle's end, or not in time.

        Raises :class:`SpiceError` if it cannot read the netlist at all.
        """
        try:
            output = run_deck(self.deck(points), timeout=SECONDS_TO_START + SECONDS_A_CYCLE * len(points))
        except SpiceTimeoutError:
            if len(points) == 1:
                return [None]
            half = len(points) // 2
            return self.simulate(points[:half]) + self.simulate(points[half:])
        found: dict[int, Cycle] = {}
        for number, end, v, spike, charge in self.results(output, 5):
            if end > 9.999e-9 and math.isfinite(v) and math.isfinite(charge):
                supply = self.parameters["supply"]
                found[int(number)] = Cycle(v, spike > supply / 2, charge * supply)
        return [found.get(number) for number in range(len(points))]

    def results(self, output: str, width: int) -> Iterable[tuple[float, ...]]:
        """The lines of ``width`` numbers that a deck echoed, "captwin" before them.

        Raises :class:`SpiceError` if ngspice could not use the netlist.
        """
        if broken := _UNUSABLE.search(output):
            raise SpiceError(f"{self.circuit}: ngspice cannot use the netlist: {broken[0].strip()}")
        for line in re.findall(r"^captwin (.*)$", output, re.MULTILINE):
            try:
                numbers = tuple(float(word) for word in line.split())
            except ValueError:
                continue
            if len(numbers) == width:
                yield numbers


def given(source: str) -> str:
    """ngspice's expression for the current that flows out of a voltage source, what flows back not counted."""
    return f"(abs(i({source}))-i({source}))/2"


def open_bench(
    circuit: str,
    *,
    netlist: Path | None = None,
    models: Path | None = None,
    corner: str = "tt",
    temperature: float = 27.0,
    c_column: float | None = None,
    c_membrane: float | None = None,
) -> Bench:
    """The bench of a reference circuit, or with ``netlist`` of a user's own; capacitances in F override its own.

    Raises :class:`SpiceError` if ports or parameters are missing, or values are unphysical.
    """
    if netlist is None:
        if circuit not in SPICE_CIRCUITS:
            known = ", ".join(SPICE_CIRCUITS)
            raise SpiceError(f"{circuit}: no netlist of that name; there are {known}; --netlist FILE takes your own")
        netlist = NETLISTS / f"{circuit}.cir"
    text = read_bytes(netlist, "netlist").decode(errors="replace")
    check_ports(netlist, text)
    values = parameters(netlist, text)
    values |= {name: value for name, value in (("c_column", c_column), ("c_membrane", c_membrane)) if value is not None}
    for name in ("supply", "v_read", "c_column", "c_membrane"):
        if not values[name] > 0:
            raise SpiceError(f"{name}: expected more than 0, got {values[name]:g}")
    for axis in "vu":
        if not values[f"{axis}_min"] < values[f"{axis}_max"]:
            raise SpiceError(f"{netlist}: {axis}_min must lie below {axis}_max")
    if not values["v_min"] <= values["v_ref"] <= values["v_max"]:
        raise SpiceError(f"{netlist}: v_ref must lie between v_min and v_max")
    if not -273.15 < temperature < 400:
        raise SpiceError(f"temperature: expected deg C that a circuit survives, got {temperature:g}")
    models = (models or MODELS).resolve()
    bench = Bench(circuit, netlist, text, models, corner, temperature, tuple(values.items()))
    _ = bench.head  # reads the models
    return bench
