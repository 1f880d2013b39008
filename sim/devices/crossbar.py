"""How large a layer's crossbar is, and what its lines have of resistance and capacitance.

A memcapacitor is a square between a row line and its column. At the largest capacitance that the layer holds it is as
dense as the PDK's metal-insulator-metal capacitor; the next one is a least space of metal away. The two of a pair lie
side by side along the row, each below a row line of its own.
"""

import math
from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim.pdk.wires import Wire, Wires


@dataclass(frozen=True)
class Crossbar:
    """The lines of a layer; sizes are in m. The capacitances of a line are added up as if none shielded another, which
    overstates them."""

    wires: Wires
    rows: int  #: of unit pairs, those of the bias pair among them
    columns: int
    largest: float  #: F, of the largest memcapacitor

    @property
    def side(self) -> float:
        """Of the largest memcapacitor."""
        return math.sqrt(self.largest / self.wires.mim)

    @property
    def row_pitch(self) -> float:
        """From row to row: a memcapacitor, or the two lines if they take more."""
        return max(self.side + self.wires.rows.space, 2 * self.wires.rows.pitch)

    @property
    def column_pitch(self) -> float:
        """From column to column: the two memcapacitors of a pair."""
        return 2 * max(self.side + self.wires.columns.space, self.wires.columns.pitch)

    @property
    def row_line(self) -> Wire:
        """One line of a row, between others that stand still, without its memcapacitors."""
        metal = self.wires.rows
        alone = metal.wire(self.columns * self.column_pitch, space=self.row_pitch / 2 - metal.width)
        return Wire(alone.ohms, alone.farads + self.columns * self.wires.crossing())

    @property
    def row_wire(self) -> float:
        """F of one row line a column that it crosses."""
        return self.row_line.farads / self.columns

    @property
    def column(self) -> Wire:
        """A column, without its memcapacitors and without what its neighbours have to it."""
        alone = self.wires.columns.wire(self.rows * self.row_pitch)
        return Wire(alone.ohms, alone.farads + 2 * self.rows * self.wires.crossing())

    @property
    def coupling(self) -> float:
        """F between a column and one of its two neighbours, as if no row line shielded it."""
        metal = self.wires.columns
        return metal.coupling(self.rows * self.row_pitch, self.column_pitch - metal.width)


def crossbar_of(layer: Layer, wires: Wires) -> Crossbar:
    """The crossbar of a chip's layer; :class:`CaptwinError` if its memcapacitors have no size."""
    largest = float(max(layer.c_plus.max(), layer.c_minus.max()))
    if not largest:
        raise CaptwinError("c_plus, c_minus: all memcapacitors of a layer are of 0 F, so it has no size; train it anew")
    bias = math.ceil(float(layer.c_bias.max()) / largest - 1e-6)
    return Crossbar(wires, layer.rows + bias, layer.columns, largest)


def missing_room(layer: Layer, crossbar: Crossbar) -> float:
    """F by which the wire of the layer's heaviest column is more than ``c_column`` leaves it; negative if it fits."""
    pairs = layer.c_plus.sum(axis=0, dtype=np.float64) + layer.c_minus.sum(axis=0, dtype=np.float64)
    return crossbar.column.farads - float((layer.c_column - pairs - layer.c_bias.sum(axis=0)).min())
