"""The bench's own netlist, ``bench.cir``, by its sections.

`clocks` holds supplies, references and clocks, `row` one row that stands for all, `neuron` the neuron and how it
starts, `analysis` the simulation of one cycle, and `analysis_pdk` that of a foundry's devices. A whole column
(:mod:`captwin.sim.spice.benches.column`) takes the first and the third, puts rows of its own in place of the second,
and takes its analysis over more cycles.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

BENCH = Path(__file__).parent / "bench.cir"
#: sections of the file, in this order
#: ns: length of a cycle, and the middle of the pause between its two phases, when all clocks are low and nothing moves
CYCLE, PAUSE = 10.0, 4.8
SECTIONS = ("clocks", "row", "neuron", "analysis", "analysis_pdk")


class RowClock(NamedTuple):
    """When the row lines step, all in s."""

    delay: float  #: from the cycle's beginning to the line's first edge
    rise: float  #: that this edge takes
    fall: float  #: that the edge back takes
    width: float  #: between the two edges
    period: float  #: of a cycle


@cache
def bench_sections() -> dict[str, str]:
    """The text of each section, without the lines around it."""
    text = BENCH.read_text()
    sections = dict(re.findall(r"^[.]lib (\w+)\n(.*?)^[.]endl \1\n", text, re.MULTILINE | re.DOTALL))
    assert tuple(sections) == SECTIONS, f"{BENCH}: its sections are {', '.join(sections)}"
    return sections


def cycle_bench(*, foundry: bool) -> str:
    """The bench of a single cycle, of the devices of a ``foundry`` or of others."""
    sections = bench_sections()
    return "".join(sections[name] for name in ("clocks", "row", "neuron")) + analysis(foundry=foundry)


def analysis(span: float | None = None, *, foundry: bool) -> str:
    """The simulation of ``span`` ns, by default as many as a single cycle needs."""
    section = bench_sections()["analysis_pdk" if foundry else "analysis"]
    return section if span is None else re.sub(r"^([.]tran \S+) \S+", rf"\1 {span:.9g}n", section, flags=re.MULTILINE)


def counted(*, foundry: bool) -> tuple[float, float]:
    """The ns from which and to which the charge of a cycle is counted. With the devices of a ``foundry`` that is from
    the cycle's pause to the next one's, so that precharge and reset count for the cycle that made them necessary."""
    return (PAUSE, PAUSE + CYCLE) if foundry else (0.0, CYCLE)


def column_bench() -> str:
    """The bench of a whole column, which brings its own rows and analysis; no newline at its end."""
    sections = bench_sections()
    return (sections["clocks"] + sections["neuron"]).removesuffix("\n")


@cache
def row_clock() -> RowClock:
    """The timing of the row that stands for all."""
    pulse = re.search(r"pulse\(0 \{drive\} (.*)\)", bench_sections()["row"])
    assert pulse is not None, f"{BENCH}: its row is no pulse from 0 to {{drive}}"
    return RowClock(*(_seconds(word) for word in pulse[1].split()))


def alter_row(drive: float, begin: float = 0.0) -> str:
    """ngspice's order that the row swings by ``drive`` V from the next run on, which begins ``begin`` s after a cycle
    does; it reads no deck again, and so takes no time."""
    clock = row_clock()
    times = (clock.delay - begin, clock.rise, clock.fall, clock.width, clock.period)
    return f"alter @vrow[pulse] = [ 0 {drive!r} {' '.join(f'{time:.9g}' for time in times)} ]"


def _seconds(text: str) -> float:
    """A time of the bench, all of which stand in ns."""
    return float(text.removesuffix("n")) * 1e-9
