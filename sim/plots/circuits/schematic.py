"""A picture of a netlist's devices, in stacks from the supply to ground, block by block.

Nets are joined by their names: within a stack by wires, between stacks by equal names.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import schemdraw
import schemdraw.elements as symbols
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captwin.sim.schematic.elements import GROUND, SUPPLY, Block, Element
from captwin.sim.schematic.stacks import UPPER, Stack, size_text, stacks_of

#: units of the drawing: width of a stack, its gates' names included, height of a device with the wire below it, and of
#: a device alone
ACROSS, DOWN, DEVICE = 3.05, 2.3, 1.5
#: units of a line of a title, above and below the devices of a row, and left of all
LINE, ABOVE, BELOW, LEFT = 0.45, 0.9, 0.9, 1.1
#: stacks side by side, and inches of a unit
MOST, INCH = 11, 0.33
#: characters of a title that have room above one stack, and of a name beside a device
LETTERS, LONGEST = 12, 18
#: nets that are drawn in a colour, so that the eye finds them
MARKED = {"mem": "tab:blue", "col": "tab:blue", "spike": "tab:red", "spike_n": "tab:red"}


@dataclass(frozen=True)
class _Part:
    """Stacks of one block, as many as stand side by side."""

    title: str
    stacks: Sequence[Stack]

    @property
    def lines(self) -> list[str]:
        """The title, as it fits above the stacks."""
        return textwrap.wrap(self.title, LETTERS * len(self.stacks), max_lines=3, placeholder=" ...")

    @property
    def height(self) -> float:
        return DOWN * max(len(stack.elements) for stack in self.stacks)


@dataclass(frozen=True)
class _Pen:
    """Draws symbols, and writes beside them."""

    drawing: schemdraw.Drawing
    axis: Axes

    def text(
        self, text: str, at: tuple[float, float], colour: str = "#000000", side: str = "left", up: str = "center"
    ) -> None:
        lines = [line if len(line) <= LONGEST else f"{line[: LONGEST - 2]}.." for line in text.split("\n")]
        self.axis.text(*at, "\n".join(lines), ha=side, va=up, color=colour, fontsize=8)

    def net(self, net: str, at: tuple[float, float], side: str = "left", up: str = "center") -> None:
        self.text(net, at, MARKED.get(net, "#000000"), side, up)


def draw_schematic(blocks: Sequence[Block]) -> Figure:
    """The devices of ``blocks``, each block under its title; a transistor's name and sizes stand on its right."""
    rows = _rows([part for block in blocks for part in _parts(block)])
    heights = [_title(row) + max(part.height for part in row) + BELOW for row in rows]
    width = LEFT + MOST * ACROSS
    figure = Figure(figsize=(INCH * width, INCH * sum(heights)))
    axis = figure.add_axes((0, 0, 1, 1))
    with schemdraw.Drawing(canvas=axis, show=False) as drawing:
        drawing.config(fontsize=8, lw=1.1, color="#000000")
        top = 0.0
        for row, height in zip(rows, heights, strict=True):
            _draw_row(_Pen(drawing, axis), row, top)
            top -= height
    drawing.draw(show=False)
    axis.set(xlim=(0, width), ylim=(top, 0), aspect="equal")
    axis.set_axis_off()
    return figure


def _parts(block: Block) -> Iterator[_Part]:
    stacks = stacks_of(block)
    for first in range(0, len(stacks), MOST):
        title = f"{block.title}, continued" if first else block.title
        yield _Part(title, stacks[first : first + MOST])


def _rows(parts: Sequence[_Part]) -> list[list[_Part]]:
    """The parts in their order, as many in a row as have room."""
    rows: list[list[_Part]] = [[]]
    for part in parts:
        if rows[-1] and sum(len(other.stacks) for other in rows[-1]) + len(part.stacks) > MOST:
            rows.append([])
        rows[-1].append(part)
    return rows


def _title(row: Sequence[_Part]) -> float:
    """Units that the titles of a row take, and the names of nets below them."""
    return LINE * max(len(part.lines) for part in row) + ABOVE


def _draw_row(pen: _Pen, row: Sequence[_Part], top: float) -> None:
    left, first = LEFT, top - _title(row)
    for part in row:
        width = ACROSS * len(part.stacks)
        pen.axis.text(left - 1.0, top - 0.15, "\n".join(part.lines), fontsize=8.5, fontweight="bold", va="top")
        pen.axis.plot([left - 1.0, left + width - 1.4], [top, top], color="0.7", linewidth=0.8)
        for number, stack in enumerate(part.stacks):
            _draw_stack(pen, stack, left + ACROSS * (number + 0.5), (first, first - part.height))
        left += width


def _draw_stack(pen: _Pen, stack: Stack, x: float, reach: tuple[float, float]) -> None:
    """``stack`` at ``x`` between the two heights of ``reach``: what pulls up at the top, what pulls down at the bottom,
    and a wire between them."""
    if not stack.nets:
        _draw_box(pen, stack.elements[0], (x, reach[0]))
        return
    spare = reach[0] - reach[1] - DOWN * len(stack.elements)
    down = stack.nets[-1] == GROUND
    y = reach[0] - spare if down and stack.nets[0] not in UPPER else reach[0]
    _draw_net(pen, stack.nets[0], (x, y), above=True)
    turn = next((n for n, element in enumerate(stack.elements) if element.polarity == "n"), 0)
    for number, element in enumerate(stack.elements):
        wire = DOWN - DEVICE
        if down and stack.nets[0] == SUPPLY and number == turn - 1:
            wire += spare
        _draw_device(pen, element, (x, y))
        y -= DEVICE
        if number + 1 < len(stack.elements):
            pen.drawing.add(symbols.Line().at((x, y)).to((x, y - wire)))
            name, middle = stack.nets[number + 1], y - (DOWN - DEVICE) / 2
            pen.drawing.add(symbols.Dot(radius=0.05).at((x, middle)))
            pen.net(name, (x + 0.15, middle))
        y -= wire
    _draw_net(pen, stack.nets[-1], (x, y + wire), above=False)


def _draw_net(pen: _Pen, net: str, at: tuple[float, float], *, above: bool) -> None:
    """The end of a stack: a sign of supply or ground, or the net's name."""
    if net == GROUND:
        pen.drawing.add(symbols.Ground().theta(180 if above else 0).at(at))
        return
    if net == SUPPLY and above:
        pen.drawing.add(symbols.Vdd().theta(0).at(at))
        return
    pen.net(net, (at[0], at[1] + (0.12 if above else -0.12)), "center", "bottom" if above else "top")


def _draw_device(pen: _Pen, element: Element, at: tuple[float, float]) -> None:
    """A device that hangs from ``at``."""
    x, y = at
    if not element.polarity:
        kind = {"r": symbols.Resistor, "c": symbols.Capacitor, "l": symbols.Inductor}.get(element.kind[0])
        pen.drawing.add((kind or symbols.RBox)().at(at).to((x, y - DEVICE)))
    else:
        symbol, end = (symbols.NFet, "drain") if element.polarity == "n" else (symbols.PFet, "source")
        pen.drawing.add(symbol().theta(0).reverse().anchor(end).at(at))
        gate, bulk = element.nets[1], element.nets[3]
        pen.net(gate, (x - 1.48, y - DEVICE / 2), "right")
        usual = GROUND if element.polarity == "n" else SUPPLY
        if bulk != usual:
            pen.text(f"bulk {bulk}", (x + 0.15, y - DEVICE / 2), "0.5")
    beside = x + (0.15 if element.polarity else 0.4)
    pen.text(element.name, (beside, y - 0.25), "0.5")
    pen.text(size_text(element), (beside, y - 1.25))


def _draw_box(pen: _Pen, element: Element, at: tuple[float, float]) -> None:
    """A thing with more than two ends, as the list of its nets."""
    text = "\n".join([element.name, element.kind, *element.nets])
    pen.text(text, at, side="center", up="top")
