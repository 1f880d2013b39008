"""Cycles in two halves. No drive reaches the neuron in the first half of a cycle, so cycles that begin alike share it.

In the pause between the two phases all clocks are low and nothing moves: there the first half ends, and the second
begins with the voltages of all nodes. It goes on to the pause of the next cycle, since the charge of a cycle is counted
from pause to pause. That needs transistors whose charges are functions of these voltages, as those of foundries are;
the capacitances of our level-1 cards depend on the way there, and cycles of them are not divided.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from captwin.sim.spice.benches.bench import (
    HELD,
    SECONDS_A_CYCLE,
    SECONDS_TO_START,
    SOURCES,
    Bench,
    Cycle,
    Failed,
    Point,
    outflow,
    start_mismatch,
)
from captwin.sim.spice.benches.bench_file import CYCLE, PAUSE, alter_row, analysis, bench_sections
from captwin.sim.spice.netlist import echoed
from captwin.sim.spice.ngspice import SpiceTimeoutError, run_deck

_PULSE = re.compile(r"pulse\((\S+) (\S+) (\S+)n (.*?)\)")
_DRAWN = f"let drawn={'+'.join(outflow(f'v{name}') for name in SOURCES)}"

Start = tuple[float, bool]  #: membrane, V, and spike of the cycle before


@dataclass(eq=False)
class Halves:
    """Simulates cycles of a bench; remembers first halves."""

    bench: Bench
    #: V of all nodes at the end of first halves
    known: dict[Start, tuple[float, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Hash of all that a cycle depends on."""
        if not self._nodes:
            return self.bench.key
        return hashlib.sha256(f"{self.bench.key}\0{self._first_head}\0{self._second_head}".encode()).hexdigest()

    def simulate(self, points: Sequence[Point]) -> list[Cycle | Failed]:
        """As :meth:`Bench.simulate` does. A cycle that shares its first half with no other, or whose halves fail, is
        simulated as a whole, so reasons for failures are those of whole cycles."""
        count = Counter((point.v, point.fired) for point in points)
        wanted = [start for start, times in count.items() if start not in self.known and times > 1]
        found: dict[Point, Cycle] = {}
        if self._nodes:
            try:
                self._first(wanted)
                found = self._second([point for point in points if (point.v, point.fired) in self.known])
            except SpiceTimeoutError:
                pass  # the bench tells which of the points it is
        rest = [point for point in points if point not in found]
        whole = dict(zip(rest, self.bench.simulate(rest), strict=True)) if rest else {}
        return [found[point] if point in found else whole[point] for point in points]

    @cached_property
    def _nodes(self) -> tuple[str, ...]:
        """All nodes of the circuit; none if some cannot be named in a deck, as those inside of SKY130's transistors, or
        if cycles cannot be divided."""
        if not self.bench.foundry:
            return ()
        orders = [".control", "op", "print all", "quit", ".endc", ".end", ""]
        output = run_deck("\n".join([self.bench.head, *orders]), SECONDS_TO_START)
        names = [name for name in re.findall(r"^(\S+) = \S+$", output, re.MULTILINE) if not name.endswith("#branch")]
        return tuple(names) if all(re.fullmatch(r"[\w.]+", name) for name in names) else ()

    @cached_property
    def _first_head(self) -> str:
        return self.bench.head.replace(analysis(foundry=True), analysis(PAUSE, foundry=True))

    @cached_property
    def _second_head(self) -> str:
        """The deck of the second half up to its control section: clocks moved to begin there, all nodes given."""
        sections = bench_sections()
        bench = "".join(_later(sections[name]) for name in ("clocks", "row", "neuron"))
        starts = " ".join(f"v({node})={{captwin_{number}}}" for number, node in enumerate(self._nodes))
        params = ".param " + " ".join(f"captwin_{number}=0" for number in range(len(self._nodes)))
        bench = re.sub(r"^[.]ic .*$", f"{params}\n.ic {starts}", bench, flags=re.MULTILINE)
        run = analysis(CYCLE, foundry=True).removesuffix("\n")
        return self.bench.around(f"{bench}{run} uic")

    def _first(self, starts: Sequence[Start]) -> None:
        """Simulates the first halves of cycles that begin at ``starts``; those that fail stay unknown."""
        if not starts:
            return
        lines = [self._first_head, ".control", "set numdgt=15"]
        for number, (v, fired) in enumerate(starts):
            lines += [f"alterparam start_v={v!r}", f"alterparam fired={int(fired)}"]
            lines += [*self.bench.read_again, "run"]
            lines += [f"let start_{node}=v({node})[0]" for node in HELD]
            lines += ["let last=length(time)-1", "let t_end=time[last]"]
            lines.append(f"echo captwin start {number} " + " ".join(f"$&start_{node}" for node in HELD))
            lines.append(f"echo captwin half {number} $&t_end")
            for place, node in enumerate(self._nodes):  # echo would round them
                lines += [f"let node_{number}_{place}=v({node})[last]", f"print node_{number}_{place}"]
            lines.append("destroy all")
        output = self._run(lines, len(starts))
        begun = {int(number): dict(zip(HELD, volts, strict=True)) for number, *volts in echoed(output, "start", 5)}
        printed = re.findall(r"^node_(\d+)_(\d+) = (\S+)$", output, re.MULTILINE)
        volts = {(int(number), int(place)): float(value) for number, place, value in printed}
        reached = {int(number) for number, time in echoed(output, "half", 2) if time > 0.999e-9 * PAUSE}
        for number, start in enumerate(starts):
            ends = [volts.get((number, place), math.nan) for place in range(len(self._nodes))]
            if number not in begun or number not in reached or not all(map(math.isfinite, ends)):
                continue
            if start_mismatch(self.bench.held(start[0], fired=start[1]), begun[number]) is None:
                self.known[start] = tuple(ends)

    def _second(self, points: Sequence[Point]) -> dict[Point, Cycle]:
        """The cycles of those of ``points`` whose second half reaches its end."""
        lines, last = [self._second_head, ".control"], None
        for number, point in enumerate(points):
            start = point.v, point.fired
            if start != last:
                volts = enumerate(self.known[start])
                lines += [f"alterparam captwin_{place}={value!r}" for place, value in volts]
                lines += self.bench.read_again
                last = start
            lines += [alter_row(point.u, 1e-9 * PAUSE), "run"]
            lines += ["let last=length(time)-1", "let t_end=time[last]", _DRAWN, "meas tran charge integ drawn"]
            ends = (("v_end", "v(mem)"), ("s_end", "v(spike)"))
            lines += [f"meas tran {name} find {what} at={CYCLE - PAUSE:.9g}n" for name, what in ends]
            lines += [f"echo captwin cycle {number} $&t_end $&v_end $&s_end $&charge", "destroy all"]
        supply, cycles = self.bench.parameters["supply"], {}
        for place, time, v, spike, charge in echoed(self._run(lines, len(points)), "cycle", 5) if points else ():
            if time > 0.999e-9 * CYCLE and all(map(math.isfinite, (v, spike, charge))):
                cycles[points[int(place)]] = Cycle(v, spike > supply / 2, charge * supply)
        return cycles

    def _run(self, lines: Sequence[str], count: int) -> str:
        deck = "\n".join([*lines, "quit", ".endc", ".end", ""])
        return run_deck(deck, SECONDS_TO_START + SECONDS_A_CYCLE * count)


def _later(text: str) -> str:
    """``text`` of the bench with its pulses as they are from PAUSE on; those that are over come in the next cycle."""

    def moved(pulse: re.Match[str]) -> str:
        first, second, delay, rest = pulse.groups()
        return f"pulse({first} {second} {(float(delay) - PAUSE) % CYCLE:.9g}n {rest})"

    return _PULSE.sub(moved, text)
