"""A PDK's metal: what a wire of a given size has of resistance and capacitance."""

from dataclasses import dataclass
from typing import NamedTuple


class Wire(NamedTuple):
    """A wire as a circuit sees it."""

    ohms: float  #: from end to end
    farads: float  #: to all that stands still around it


@dataclass(frozen=True)
class Metal:
    """A routing layer at its typical corner. Sizes are in m."""

    name: str  #: the foundry's
    sheet_ohms: float  #: ohm a square
    area: float  #: F/m2 from its lower face to the substrate
    fringe: float  #: F/m from one edge to the substrate
    #: two wires side by side have ``beside * length / (space + offset)`` F between them; ``beside`` is in F
    beside: float
    offset: float  #: m, of the same formula
    width: float  #: least of a wire
    space: float  #: least between two

    @property
    def pitch(self) -> float:
        """m from wire to wire, as close as they may be."""
        return self.width + self.space

    def wire(self, length: float, width: float | None = None, space: float | None = None) -> Wire:
        """The wire of ``length`` and ``width``, the least by default. It is alone over the substrate, or lies between
        two others that stand still, ``space`` m away on both sides. :meth:`Wires.crossing` is not in it.

        >>> round(find_pdk("gf180mcu").wires.rows.wire(1e-3).ohms)
        321
        """
        width = self.width if width is None else width
        assert length >= 0 and width >= self.width * (1 - 1e-9), f"{self.name}: a wire of {length} by {width} m"
        neighbours = 0.0 if space is None else 2 * self.coupling(length, space)
        return Wire(self.sheet_ohms * length / width, length * (self.area * width + 2 * self.fringe) + neighbours)

    def coupling(self, length: float, space: float) -> float:
        """F between two wires of ``length``, ``space`` apart."""
        assert space >= self.space * (1 - 1e-9), f"{self.name}: wires {space} m apart"
        return self.beside * length / (space + self.offset)


@dataclass(frozen=True)
class Wires:
    """The layers that a crossbar and its neurons are wired with. Which layer serves what is Captwin's choice; what they
    are made of is the foundry's, from ``sources``."""

    rows: Metal  #: the two drive lines of a row
    columns: Metal  #: the layer below that of the rows
    clocks: Metal  #: across the neurons
    mim: float  #: F/m2 of the PDK's metal-insulator-metal capacitor
    cross_area: float  #: F/m2 where a row line lies over a column
    cross_edge: float  #: F/m of the row line's edge over a column
    cross_edge_below: float  #: F/m of the column's edge under a row line
    sources: tuple[str, ...]  #: of sheet resistances, sizes, and capacitances

    def crossing(self, row_width: float | None = None, column_width: float | None = None) -> float:
        """F between a row line and a column where they cross, of the least widths by default."""
        row = self.rows.width if row_width is None else row_width
        column = self.columns.width if column_width is None else column_width
        return self.cross_area * row * column + 2 * self.cross_edge * column + 2 * self.cross_edge_below * row
