"""A column in ngspice whose lines have resistance: along the column, and from each row's driver to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captwin.sim.pdk.wires import Wire
from captwin.sim.spice.benches.column import ColumnBench, waveform


@dataclass(frozen=True)
class Lines:
    """The lines of a column. Row 0 is next to the neuron; at the column's far end hang the bias pair, and what the
    ballast holds besides the wire."""

    column: Wire  #: its capacitance is part of the column's ballast
    row: Wire  #: a row line, from its driver to the column: its capacitance is all that the line drives besides
    driver_ohms: float  #: of the driver of a row line
    segments: int = 16  #: equal lengths of the column, of which each is a resistor and a capacitor

    def nodes(self) -> list[str]:
        """The nodes of the segments, that next to the neuron first."""
        return [f"col_{segment}" for segment in range(self.segments)]


@dataclass(frozen=True, eq=False)
class WiredColumnBench(ColumnBench):
    """A :class:`ColumnBench` with ``lines``. Its chain's ``row_energy`` holds the charge of whole row lines.

    The column weighs c_column all the same: of the wire's capacitance, no more is spread along it than the ballast
    holds.
    """

    lines: Lines

    def rows(self, *, explicit: bool = False) -> tuple[list[str], list[str]]:
        """As :meth:`ColumnBench.rows`: rows of one segment that spike in the same steps are one."""
        segments = self.lines.segments
        rows = len(self.column.c_plus)
        trains = np.concatenate([self.spikes.T.astype(bool), np.ones((1, self.steps), bool)])
        places = np.append(np.arange(rows) * segments // rows, segments - 1)
        keys = np.arange(rows + 1)[:, None] if explicit else np.column_stack([places, trains])
        _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        plus, minus, count = (
            np.bincount(group.ravel(), values)
            for values in (
                np.append(self.column.c_plus, self.column.c_bias[0]),
                np.append(self.column.c_minus, self.column.c_bias[1]),
                np.ones(rows + 1),
            )
        )
        elements, sources = list(self._wire()), []
        for name, row in enumerate(first):
            for kind, farads, idle, active in (
                ("up", plus[name], 0.0, self.v_read),
                ("down", minus[name], self.v_read, 0.0),
            ):
                if farads > 0:
                    line = f"{kind}{name}"
                    elements.append(f"v{line} {line} 0 {waveform(trains[row], idle, active)}")
                    elements += self._row_line(line, float(count[name]))
                    elements.append(f"c{line} {line}_far col_{places[row]} {farads:.9g}")
                    sources.append(line)
        return elements, sources

    def _wire(self) -> Iterator[str]:
        """The column's resistors and what it has to ground."""
        ballast, lines = max(self.column.ballast, 0.0), self.lines
        spread = min(ballast, lines.column.farads)
        before, ohms = "col", lines.column.ohms / lines.segments
        for segment, node in enumerate(lines.nodes()):
            # The first node lies half a segment from the neuron.
            yield f"rcol{segment} {before} {node} {ohms / (1 if segment else 2):.9g}"
            yield f"cwire{segment} {node} 0 {spread / lines.segments:.9g}"
            before = node
        yield f"cballast {before} 0 {ballast - spread:.9g}"

    def _row_line(self, line: str, count: float) -> list[str]:
        """``count`` row lines side by side, all that they drive at their far end."""
        ohms = (self.lines.driver_ohms + self.lines.row.ohms) / count
        return [
            f"r{line} {line} {line}_far {ohms:.9g}",
            f"cline{line} {line}_far 0 {self.lines.row.farads * count:.9g}",
        ]
