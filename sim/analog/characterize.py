"""From a netlist to its neuron table: every grid point one clock cycle in ngspice, threshold curves by bisection."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch

from hw.errors import CaptwinError
from hw.files import read_bytes
from sim.analog.ngspice import SpiceError, require_ngspice, run_deck
from sim.analog.table import NeuronTable

NETLISTS = Path(__file__).parent / "netlists"
MODELS = NETLISTS / "models_180nm.lib"
BENCH = NETLISTS / "bench.cir"
#: neuron netlists that come with Captwin
SPICE_CIRCUITS = ("charge_share", "pass_transistor")
CORNERS = ("tt", "ff", "ss")

#: ports of the subcircuit ``neuron``, in this order
PORTS = ["col", "mem", "phi1", "phi1_n", "phi2", "phi2_n", "eval", "eval_n"]
PORTS += ["latch", "latch_n", "spike", "spike_n", "vdd", "vref", "vreset"]
#: numbers that a netlist must state in .param lines: volts and farads
PARAMETERS = ("supply", "v_ref", "v_reset", "v_read", "c_column", "c_membrane", "v_min", "v_max", "u_min", "u_max")

#: V, how exactly a threshold curve is known
RESOLUTION = 20e-6
#: cycles simulated by one ngspice process
BATCH = 40
_SECONDS_A_POINT = 5.0
_SOURCES = ["vdd", "vref", "vreset", "phi1", "phi1n", "phi2", "phi2n", "eval", "evaln", "latch", "latchn"]
_SUFFIXES = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_SUFFIXES |= {"f": 1e-15, "a": 1e-18}

#: what ngspice says of a netlist of which it simulates nothing
_UNUSABLE = re.compile(
    r"^.*(unknown subckt|too (few|many) parameters|could not find|simulation interrupted"
    r"|unable to find definition|undefined parameter|fatal).*$",
    re.MULTILINE | re.IGNORECASE,
)

Progress = Callable[[str, int, int], None]  #: what is being done, steps done, steps in all


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
    netlist: str
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
        """Hash of netlist, models (files that these include are not read), bench and conditions."""
        conditions = json.dumps([self.corner, self.temperature, self.values])
        models = read_bytes(self.models, "device models").decode(errors="replace")
        parts = (self.netlist, models, BENCH.read_text(), conditions)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @cached_property
    def head(self) -> str:
        """The deck up to its control section."""
        text = read_bytes(self.models, "device models").decode(errors="replace")
        sections = re.findall(r"^\s*\.lib\s+(\w+)\s*$", text, re.MULTILINE | re.IGNORECASE)
        if sections and self.corner not in sections:
            raise SpiceError(f"{self.models}: no corner {self.corner!r}; its sections are {', '.join(sections)}")
        models = f".lib '{self.models}' {self.corner}" if sections else f".include '{self.models}'"
        overrides = "\n".join(f".param {name}={value!r}" for name, value in self.values)
        return "\n".join(
            [f"* {self.circuit}", models, self.netlist, overrides, BENCH.read_text(), f".temp {self.temperature}"]
        )

    def deck(self, points: Sequence[Point]) -> str:
        """A deck that simulates one cycle for each of ``points`` and prints a line for each."""
        drawn = "+".join(f"(abs(i(v{name}))-i(v{name}))/2" for name in _SOURCES)
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
        """One cycle for each of ``points``; None where ngspice did not reach the cycle's end.

        Raises :class:`SpiceError` if it cannot read the netlist at all.
        """
        output = run_deck(self.deck(points), timeout=30 + _SECONDS_A_POINT * len(points))
        if broken := _UNUSABLE.search(output):
            raise SpiceError(f"{self.circuit}: ngspice cannot use the netlist: {broken[0].strip()}")
        found: dict[int, Cycle] = {}
        for line in re.findall(r"^captwin (.*)$", output, re.MULTILINE):
            try:
                number, end, v, spike, charge = (float(word) for word in line.split())
            except ValueError:
                continue
            if end > 9.999e-9 and math.isfinite(v) and math.isfinite(charge):
                supply = self.parameters["supply"]
                found[int(number)] = Cycle(v, spike > supply / 2, charge * supply)
        return [found.get(number) for number in range(len(points))]


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
    _check_ports(netlist, text)
    values = _parameters(netlist, text)
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
    bench = Bench(circuit, text, models, corner, temperature, tuple(values.items()))
    _ = bench.head  # reads the models
    return bench


def characterize(
    bench: Bench, points: int, *, date: str, cache: Path | None = None, progress: Progress | None = None
) -> NeuronTable:
    """Measures ``bench`` on ``points`` x ``points`` values of membrane and drive, ISO ``date`` being today.

    Every cycle simulated is kept in the folder ``cache``, so an interrupted run goes on where it stopped. Raises
    :class:`SpiceError`, after all others have been simulated, that names the points that fail.
    """
    if points < 2:
        raise SpiceError(f"points: a grid needs at least 2 a side, got {points}")
    runner = _Runner(bench, cache, progress)
    p = bench.parameters
    v, u = np.linspace(p["v_min"], p["v_max"], points), np.linspace(p["u_min"], p["u_max"], points)
    grid = [Point(float(x), float(y), b) for b in (False, True) for x in v for y in u]
    cycles = runner.cycles(grid, "grid")
    shape = (2, points, points)
    spikes = np.array([cycle.spike for cycle in cycles]).reshape(shape)
    return NeuronTable(
        circuit=bench.circuit,
        corner=bench.corner,
        temperature=bench.temperature,
        supply=p["supply"],
        date=date,
        source_sha256=bench.sha256,
        c_column=p["c_column"],
        c_membrane=p["c_membrane"],
        v_rest=p["v_ref"],
        v_read=p["v_read"],
        v=v,
        u=u,
        surfaces=np.array([cycle.v for cycle in cycles]).reshape(shape),
        thresholds=_thresholds(runner, v, u, spikes),
        energy=np.array([cycle.energy for cycle in cycles]).reshape(shape),
    )


@dataclass(frozen=True)
class HeldOut:
    """How a table interpolates: errors of the membrane in V, and the share of cycles whose spike it foretells."""

    points: int
    rms: float
    worst: float
    agreement: float


def held_out(bench: Bench, table: NeuronTable, count: int, seed: int, *, progress: Progress | None = None) -> HeldOut:
    """Simulates ``count`` fresh points, drawn evenly from the table's range, and compares."""
    rng = np.random.default_rng(seed)
    v, u = rng.uniform(table.v[0], table.v[-1], count), rng.uniform(table.u[0], table.u[-1], count)
    fired = rng.integers(0, 2, count).astype(bool)
    points = [Point(float(x), float(y), bool(b)) for x, y, b in zip(v, u, fired, strict=True)]
    cycles = _Runner(bench, None, progress).cycles(points, "held-out points")
    error = table.step(v, u, fired) - np.array([cycle.v for cycle in cycles])
    agree = table.fires(v, u, fired) == np.array([cycle.spike for cycle in cycles])
    return HeldOut(count, float(np.sqrt((error**2).mean())), float(np.abs(error).max()), float(agree.mean()))


def default_cache() -> Path:
    """Where simulated cycles are kept."""
    return Path(pooch.os_cache("captwin")) / "spice"


class _Runner:
    """Simulates points in batches on all cores and remembers them."""

    def __init__(self, bench: Bench, cache: Path | None, progress: Progress | None) -> None:
        require_ngspice()
        self.bench = bench
        self.progress = progress or (lambda what, done, total: None)
        self.file = None if cache is None else cache / bench.sha256[:32] / "cycles.jsonl"
        self.known: dict[Point, Cycle] = {}
        if self.file is not None and self.file.is_file():
            for line in self.file.read_text().splitlines():
                try:
                    v, u, fired, after, spike, energy = json.loads(line)
                except ValueError:
                    continue  # an interrupted run's last line
                self.known[Point(v, u, bool(fired))] = Cycle(after, bool(spike), energy)

    def cycles(self, points: Sequence[Point], what: str) -> list[Cycle]:
        """The cycle of each point; :class:`SpiceError` naming those that fail, the others being kept."""
        todo = [point for point in dict.fromkeys(points) if point not in self.known]
        failed: list[Point] = []
        workers = os.cpu_count() or 1
        size = max(1, min(BATCH, -(-len(todo) // workers)))
        batches = [todo[start : start + size] for start in range(0, len(todo), size)]
        done = len(points) - len(todo)
        self.progress(what, done, len(points))
        pool = ThreadPoolExecutor(workers)  # each thread waits for an ngspice process
        try:
            waiting = {pool.submit(self.bench.simulate, batch): batch for batch in batches}
            for future in as_completed(waiting):
                batch = waiting[future]
                results = dict(zip(batch, future.result(), strict=True))
                failed += [point for point, cycle in results.items() if cycle is None]
                self._keep({point: cycle for point, cycle in results.items() if cycle is not None})
                done += len(batch)
                self.progress(what, done, len(points))
        finally:
            pool.shutdown(cancel_futures=True)
        if failed:
            named = ", ".join(str(point) for point in failed[:5]) + (", ..." if len(failed) > 5 else "")
            raise SpiceError(
                f"{self.bench.circuit}: {len(failed)} of {len(points)} points do not converge: {named}; "
                "the others are kept: mend the netlist's convergence or its range"
            )
        return [self.known[point] for point in points]

    def _keep(self, cycles: dict[Point, Cycle]) -> None:
        self.known |= cycles
        if self.file is None or not cycles:
            return
        lines = [json.dumps([*point, *cycle]) + "\n" for point, cycle in cycles.items()]
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as file:
                file.write("".join(lines))
        except OSError as error:
            raise CaptwinError(
                f"{self.file}: cannot write: {error.strerror}; the cache needs a writable place"
            ) from None


def _thresholds(runner: _Runner, v: np.ndarray, u: np.ndarray, spikes: np.ndarray) -> np.ndarray:
    """(2, Nv) V by bisection between the neighbouring drives of the grid, all curves a round at a time."""
    if (np.diff(spikes.astype(int), axis=2) < 0).any():
        b, i, j = (int(index) for index in np.argwhere(np.diff(spikes.astype(int), axis=2) < 0)[0])
        point = Point(float(v[i]), float(u[j]), bool(b))
        raise SpiceError(f"{runner.bench.circuit}: more drive than at {point} takes its spike away: no threshold curve")
    first = spikes.argmax(axis=2)
    ever, always = spikes.any(axis=2), spikes[:, :, 0]
    low, high = u[np.maximum(first - 1, 0)], u[first]
    open_ends = np.argwhere(ever & ~always)
    rounds = math.ceil(math.log2(max((u[1] - u[0]) / RESOLUTION, 2)))
    for round_ in range(rounds if len(open_ends) else 0):
        middle = (low + high) / 2
        points = [Point(float(v[i]), float(middle[b, i]), bool(b)) for b, i in open_ends]
        cycles = runner.cycles(points, f"threshold, round {round_ + 1} of {rounds}")
        for (b, i), cycle in zip(open_ends, cycles, strict=True):
            if cycle.spike:
                high[b, i] = middle[b, i]
            else:
                low[b, i] = middle[b, i]
    return np.where(always, u[0], np.where(ever, high, np.inf))


def _check_ports(path: Path, text: str) -> None:
    joined = re.sub(r"\n\s*\+", " ", text)
    found = re.search(r"^\s*\.subckt\s+neuron\s+(.*)$", joined, re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise SpiceError(f"{path}: no '.subckt neuron'; its ports are {' '.join(PORTS)}")
    ports = found[1].lower().split()
    for port in PORTS:
        if port not in ports:
            raise SpiceError(f"{path}: .subckt neuron lacks the port {port}; its ports are {' '.join(PORTS)}")
    if ports != PORTS:
        raise SpiceError(f"{path}: .subckt neuron must have just these ports, in this order: {' '.join(PORTS)}")


def _parameters(path: Path, text: str) -> dict[str, float]:
    lines = re.sub(r"\n\s*\+", " ", text)
    stated = " ".join(re.findall(r"^\s*\.param\s+(.*)$", lines, re.MULTILINE | re.IGNORECASE))
    said = {name.lower(): value for name, value in re.findall(r"(\w+)\s*=\s*(\S+)", stated)}
    values = {}
    for name in PARAMETERS:
        if name not in said:
            raise SpiceError(f"{path}: no .param {name}; a netlist states {', '.join(PARAMETERS)}")
        values[name] = _number(path, name, said[name])
    return values


def _number(path: Path, name: str, text: str) -> float:
    match = re.fullmatch(r"([-+]?[\d.]+(?:e[-+]?\d+)?)(meg|[tgkmunpfa])?[a-z]*", text.lower())
    try:
        if match is None:
            raise ValueError
        return float(f"{match[1]}") * _SUFFIXES[match[2] or ""]
    except ValueError:
        raise SpiceError(f"{path}: .param {name}={text}: expected a plain number, such as 1.8 or 500f") from None
