"""Size and lines of a crossbar, by hand and by a field computation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve

from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.crossbar import Crossbar, crossbar_of, missing_room
from captwin.sim.pdk.catalogue import find_pdk
from tests.support.circuit_chips import circuit_chip

WIRES = find_pdk("gf180mcu").wires
#: an MNIST layer: its memcapacitors are 1 um wide
BAR = Crossbar(WIRES, rows=796, columns=96, largest=2e-15)


def test_lines_by_hand():
    assert (BAR.side, BAR.row_pitch, BAR.column_pitch) == pytest.approx((1e-6, 1.28e-6, 2.56e-6))
    cross = 0.28**2 * 59.027 + 2 * 0.28 * (47.871 + 39.964)
    ohms, attofarads = 0.09 * 796 * 1.28 / 0.28, 796 * (1.28 * (0.28 * 10.094 + 2 * 30.021) + 2 * cross)
    assert BAR.column == pytest.approx((ohms, attofarads * 1e-18))
    # Two lines a row: from one to the next there are 0.36 um.
    beside = 2 * 77.388 / (0.36 + 0.611)
    ohms, attofarads = 0.09 * 96 * 2.56 / 0.28, 96 * (2.56 * (0.28 * 7.602 + 2 * 28.153 + beside) + cross)
    assert BAR.row_line == pytest.approx((ohms, attofarads * 1e-18))
    assert BAR.row_wire == pytest.approx(attofarads / 96 * 1e-18)
    assert BAR.coupling == pytest.approx(796 * 1.28 * 70.675 / (2.28 + 0.534) * 1e-18)


def test_lines_as_close_as_they_may_be():
    small = Crossbar(WIRES, rows=10, columns=10, largest=1e-16)
    assert (small.row_pitch, small.column_pitch) == pytest.approx((1.12e-6, 1.12e-6))


def test_a_crossbar_without_memcapacitors_is_refused():
    layer = circuit_chip(1, sizes=(8, 6, 4)).layers[0]
    nothing = np.zeros_like(layer.c_plus)
    with pytest.raises(CaptwinError, match="all memcapacitors of a layer are of 0 F"):
        crossbar_of(replace(layer, c_plus=nothing, c_minus=nothing), WIRES)


def test_crossbar_of_a_chip():
    layer = circuit_chip(1, sizes=(784, 6, 4)).layers[0]
    bar = crossbar_of(layer, WIRES)
    assert bar.columns == 6 and 784 < bar.rows <= 784 + 12 and bar.largest == pytest.approx(layer.c_plus.max())
    heaviest = (layer.c_plus.sum(axis=0) + layer.c_minus.sum(axis=0) + layer.c_bias.sum(axis=0)).max()
    assert heaviest == pytest.approx(0.9e-12, rel=1e-5)
    assert missing_room(layer, bar) == pytest.approx(bar.column.farads - 0.1e-12, rel=1e-3)


@pytest.mark.proof
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("largest", [1e-15, 2e-15])
def test_the_sum_bounds_the_field(closed, largest):
    """A column's capacitance, added up from a PDK's coefficients, is no less than that of its cross-section.

    The column lies between grounded lines midway to its neighbours, over the substrate, and below row lines that are
    taken for a plane or left out. Heights are those of gf180mcu.tech in open_pdks, and the dielectric constant is 4, as
    the foundry's documents say.
    """
    bar = replace(BAR, largest=largest)
    own, others, rows = field_charges(bar.column_pitch / 2, closed=closed)
    added = bar.column.farads / (bar.rows * bar.row_pitch)
    assert 0.7 * added < own < added
    assert 0.3 < rows / own < 0.45 if closed else rows == 0
    # To the next column, behind the grounded line.
    assert 0 < others < (4e-12 if closed else 9.5e-12)


def field_charges(pitch: float, *, closed: bool, step: float = 0.04e-6) -> tuple[float, float, float]:
    """C/m on the middle one of five lines of metal 3, which is at 1 V, and, negative, on the last one and on the plane
    of row lines. All others are grounded. Laplace's equation on a grid."""
    bottom, thick, above, width = 3.53e-6, 0.55e-6, 0.60e-6, 0.28e-6
    top = bottom + thick + (above if closed else 6e-6)
    line = np.zeros((round(top / step) + 1, round(5 * pitch / step) + 1), int)
    for number in range(1, 6):
        left = round(((number - 0.5) * pitch - width / 2) / step)
        line[round(bottom / step) : round((bottom + thick) / step) + 1, left : left + round(width / step) + 1] = number
    held = line > 0
    held[0] = True
    held[-1] |= closed
    index, size = np.arange(line.size).reshape(line.shape), line.size
    first = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    second = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    links = csr_matrix((np.ones(len(first)), (first, second)), (size, size))
    links = links + links.T
    graph = diags(np.asarray(links.sum(axis=1)).ravel()).tocsr() - links
    free, volts = ~held.ravel(), (line.ravel() == 3).astype(float)
    volts[free] = spsolve(graph[free][:, free], -graph[free][:, ~free] @ volts[~free])
    charges = 4 * 8.8542e-12 * (graph @ volts)
    own, other = (float(charges[line.ravel() == number].sum()) for number in (3, 5))
    return own, -other, -float(charges.reshape(line.shape)[-1].sum()) if closed else 0.0
