"""A whole column in ngspice: every memcapacitor, its neuron, and all time steps of an inference in one transient.

The deck is the bench with real rows in place of its one equivalent row, so clocks and row edges stand in ``bench.cir``
alone.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from captwin.hw.chip import Layer
from captwin.sim.spice.benches.bench import (
    HELD,
    SECONDS_A_CYCLE,
    SECONDS_TO_START,
    SOURCES,
    Bench,
    Failed,
    outflow,
    start_mismatch,
)
from captwin.sim.spice.benches.bench_file import CYCLE, analysis, column_bench, counted, row_clock
from captwin.sim.spice.benches.disturbance import Disturbance
from captwin.sim.spice.netlist import check_usable, echoed, ending_reason
from captwin.sim.spice.ngspice import SpiceError, SpiceTimeoutError, run_deck


@dataclass(frozen=True, eq=False)
class Column:
    """The capacitors of a column, F. Raises :class:`SpiceError` if the pairs outweigh ``c_column``."""

    c_plus: np.ndarray  #: (rows,) to the lines that step up
    c_minus: np.ndarray  #: (rows,) to the lines that step down
    c_bias: tuple[float, float]  #: the pair that is driven in every cycle, plus side first
    c_column: float  #: all that hangs on the wire

    def __post_init__(self) -> None:
        # A chip file's float32 rounds the sum of the heaviest column either way.
        if self.ballast < -1e-6 * self.c_column:
            raise SpiceError(
                f"column: its pairs are {-self.ballast:.3g} F more than c_column = {self.c_column:.3g} F; map it again"
            )

    @property
    def ballast(self) -> float:
        """Ballast and parasitics to ground, F: what is left of ``c_column``."""
        return self.c_column - float(self.c_plus.sum() + self.c_minus.sum()) - sum(self.c_bias)

    def drives(self, spikes: np.ndarray, v_read: float) -> np.ndarray:
        """(steps,) V that the column is driven by under row spikes (steps, rows)."""
        charge = spikes.astype(np.float64) @ (self.c_plus - self.c_minus) + self.c_bias[0] - self.c_bias[1]
        return np.asarray(v_read * charge / self.c_column)


def column_of(layer: Layer, index: int) -> Column:
    """The column of a chip's layer."""
    plus, minus = (array[:, index].astype(np.float64) for array in (layer.c_plus, layer.c_minus))
    bias = float(layer.c_bias[0, index]), float(layer.c_bias[1, index])
    return Column(plus, minus, bias, float(layer.c_column[index]))


@dataclass(frozen=True)
class Chain:
    """What ngspice found at the end of each cycle of a column that runs from rest, each cycle beginning where the one
    before ended; as many entries as there are steps."""

    v: tuple[float, ...]  #: membrane, V
    spikes: tuple[bool, ...]
    energy: tuple[float, ...]  #: J of the neuron: what its supply, references and clocks gave, as a table counts it
    #: J of the row drivers for this column: charge out of their v_read supply times v_read
    row_energy: tuple[float, ...]
    seconds: float  #: s that ngspice took


@dataclass(frozen=True, eq=False)
class ColumnBench:
    """A column on its bench, and the spikes of its rows."""

    bench: Bench
    column: Column
    spikes: np.ndarray  #: (steps, rows) of 0 and 1
    v_read: float  #: V, swing of the row lines
    #: what noise does to it; none in a quiet column
    disturbance: Disturbance | None = field(default=None, kw_only=True)

    @property
    def steps(self) -> int:
        """Cycles of the chain."""
        return len(self.spikes)

    def rows(self, *, explicit: bool = False) -> tuple[list[str], list[str]]:
        """The elements that stand for the rows, and the names of their lines' voltage sources without the v.

        Rows that spike in the same steps have equal lines, so their capacitors are one capacitor between the same two
        voltages; ``explicit`` keeps every row and capacitor apart all the same.
        """
        always = np.ones((1, self.steps), bool)
        trains = np.concatenate([self.spikes.T.astype(bool), always])
        plus = np.append(self.column.c_plus, self.column.c_bias[0])
        minus = np.append(self.column.c_minus, self.column.c_bias[1])
        if explicit:
            names = [str(row) for row in range(len(trains) - 1)] + ["bias"]
        else:
            trains, group = np.unique(trains, axis=0, return_inverse=True)
            plus, minus = (np.bincount(group.ravel(), values, len(trains)) for values in (plus, minus))
            names = [str(place) for place in range(len(trains))]
        elements, sources = [], []
        for name, train, up, down in zip(names, trains, plus, minus, strict=True):
            for kind, farads, idle, active in (("up", up, 0.0, self.v_read), ("down", down, self.v_read, 0.0)):
                if farads > 0:
                    elements.append(f"v{kind}{name} {kind}{name} 0 {waveform(train, idle, active)}")
                    elements.append(f"c{kind}{name} {kind}{name} col {farads:.9g}")
                    sources.append(f"{kind}{name}")
        elements.append(f"cballast col 0 {max(self.column.ballast, 0.0):.9g}")
        return elements, sources

    def circuit(self, *, explicit: bool = False, beyond: float = 0.0) -> str:
        """The deck up to its control section; it simulates all cycles and ``beyond`` ns more."""
        elements, _ = self.rows(explicit=explicit)
        run = analysis(CYCLE * self.steps + beyond, foundry=self.bench.foundry).removesuffix("\n")
        bench = column_bench()
        if self.disturbance is not None:
            noise = self.disturbance.elements(self.bench.parameters["v_ref"])
            bench = f"{re.sub(r'^vvref .*$', '', bench, flags=re.MULTILINE)}\n{noise}"
        lines = [bench, ".param start_v={v_ref}", *elements, run]
        return self.bench.around("\n".join(lines))

    def deck(self, *, explicit: bool = False) -> str:
        """A deck that simulates the chain and prints a line for each cycle."""
        _, sources = self.rows(explicit=explicit)
        begin, end = counted(foundry=self.bench.foundry)
        supplies = " ".join(f"i(v{name})" for name in SOURCES)
        lines = [self.circuit(explicit=explicit, beyond=end - CYCLE)]
        lines.append(f".save {' '.join(f'v({node})' for node in HELD)} {supplies}")
        lines += [f".save i(v{name}) v({name})" for name in sources]
        lines += [
            ".control",
            "run",
            f"let q=integ(({'+'.join(outflow(f'v{name}') for name in SOURCES)})*(time ge {begin:.9g}n))",
            "let r=0*time",
        ]
        # What flows out of a line that is low comes from ground, and costs nothing.
        lines += [f"let r=r+{outflow(f'v{name}')}*(v({name}) gt 1u)" for name in sources]
        lines.append("let r=integ(r)")
        lines += [f"let start_{node}=v({node})[0]" for node in HELD]
        lines.append("echo captwin start " + " ".join(f"$&start_{node}" for node in HELD))
        for step in range(self.steps):
            ends = (("v", "v(mem)", CYCLE), ("s", "v(spike)", CYCLE), ("q", "q", end), ("r", "r", end))
            lines += [f"meas tran {name}_ find {what} at={CYCLE * step + at:.9g}n" for name, what, at in ends]
            lines.append(f"echo captwin cycle {step} $&v_ $&s_ $&q_ $&r_")
        return "\n".join([*lines, "quit", ".endc", ".end", ""])

    def waves(self, nodes: Sequence[str]) -> dict[str, np.ndarray]:
        """Voltages of ``nodes``, and ``time`` in s, each (points,), every row and capacitor apart.

        Raises :class:`SpiceError` if ngspice does not reach the end.
        """
        saved = " ".join(f"v({node})" for node in nodes)
        lines = [self.circuit(explicit=True), f".save {saved}", ".control", "run", f"linearize {saved}"]
        for place, node in enumerate(["time", *(f"v({node})" for node in nodes)]):
            lines += [f"let wave={node}", f"echo wave {place} $&wave"]
        output = run_deck(
            "\n".join([*lines, "quit", ".endc", ".end", ""]), SECONDS_TO_START + SECONDS_A_CYCLE * self.steps
        )
        printed = re.findall(r"^wave (\d+) (.*)$", output, re.MULTILINE)
        waves = {int(place): np.array(wave.split(), float) for place, wave in printed}
        if len(waves) <= len(nodes) or waves[0][-1] < 0.999 * self.steps * row_clock().period:
            raise SpiceError(f"{self.bench.circuit}: ngspice did not reach the end of {self.steps} cycles")
        return {name: waves[place] for place, name in enumerate(["time", *nodes])}

    def deck_to_keep(self) -> str:
        """The same column for a reader: every row and capacitor apart, waves written to column.txt."""
        waves = "v(mem) v(col) v(spike) v(phi1) v(phi2) v(eval) v(latch)"
        lines = [self.circuit(explicit=True), ".control", "run", "set wr_singlescale", "set wr_vecnames"]
        lines += [f"wrdata column.txt {waves}", "quit", ".endc", ".end", ""]
        return "\n".join(lines)

    @property
    def sha256(self) -> str:
        """Hash of all that the chain depends on."""
        return hashlib.sha256("\0".join([self.bench.key, self.deck()]).encode()).hexdigest()

    def simulate(self, *, explicit: bool = False) -> Chain | Failed:
        """The chain; :class:`Failed` where ngspice did not start as told, did not reach its end, or not in time.

        Raises :class:`SpiceError` if it cannot read the netlist at all.
        """
        start = perf_counter()
        try:
            output = run_deck(self.deck(explicit=explicit), timeout=SECONDS_TO_START + SECONDS_A_CYCLE * self.steps)
        except SpiceTimeoutError:
            return Failed("not in time")
        check_usable(output, self.bench.circuit)
        starts = echoed(output, "start", len(HELD))
        cycles = [cycle for cycle in echoed(output, "cycle", 5) if all(map(math.isfinite, cycle))]
        if not starts or [cycle[0] for cycle in cycles] != list(range(self.steps)):
            return Failed(ending_reason(output))
        asked = self.bench.held(self.bench.parameters["v_ref"], fired=False)
        if reason := start_mismatch(asked, dict(zip(HELD, starts[0], strict=True))):
            return Failed(reason)
        _, v, spike, drawn, rows = np.array(cycles).T
        supply = self.bench.parameters["supply"]
        return Chain(
            v=tuple(v.tolist()),
            spikes=tuple((spike > supply / 2).tolist()),
            energy=tuple((np.diff(drawn, prepend=0) * supply).tolist()),
            row_energy=tuple((np.diff(rows, prepend=0) * self.v_read).tolist()),
            seconds=perf_counter() - start,
        )


def waveform(train: np.ndarray, idle: float, active: float) -> str:
    if not train.any():
        return f"{idle:g}"
    return "pwl(" + " ".join(f"{_nano(time)} {volts:g}" for time, volts in _corners(train, idle, active)) + ")"


def _corners(train: np.ndarray, idle: float, active: float) -> Iterator[tuple[float, float]]:
    clock = row_clock()
    yield 0.0, idle
    for step in np.flatnonzero(train):
        first_edge = step * clock.period + clock.delay
        top = first_edge + clock.rise
        end = top + clock.width
        yield from ((first_edge, idle), (top, active), (end, active), (end + clock.fall, idle))


def _nano(seconds: float) -> str:
    return f"{seconds * 1e9:.9g}n"
