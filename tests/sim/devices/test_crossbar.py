"""Size and lines of a crossbar, by hand and by a field computation."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve

from captwin.sim.devices.crossbar import Crossbar, crossbar_of, missing_room
from captwin.sim.pdk.catalogue import find_pdk
from captwin.train.zoo import load_chip

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


def test_crossbar_of_a_chip():
    layer = load_chip("mnist-small").layers[0]
    bar = crossbar_of(layer, WIRES)
    assert bar.columns == 96 and 784 < bar.rows <= 784 + 13 and bar.largest == pytest.approx(layer.c_plus.max())
    heaviest = (layer.c_plus.sum(axis=0) + layer.c_minus.sum(axis=0) + layer.c_bias.sum(axis=0)).max()
    assert heaviest == pytest.approx(0.9e-12, rel=1e-5)
    assert missing_room(layer, bar) == pytest.approx(bar.column.farads - 0.1e-12, rel=1e-3)


@pytest.mark.proof
@pytest.mark.parametrize("closed", [False, True])
def test_the_sum_bounds_the_field(closed):
    """A column's capacitance, added up from a PDK's coefficients, is no less than that of its cross-section.

    The column lies between grounded lines midway to its neighbours, over the substrate, and below row lines that are
    taken for a plane or left out. Heights are those of gf180mcu.tech in open_pdks, and the dielectric constant is 4, as
    the foundry's documents say.
    """
    total = field_capacitance(BAR.column_pitch / 2, closed=closed)
    added = BAR.column.farads / (BAR.rows * BAR.row_pitch)
    assert 0.7 * added < total < added


def field_capacitance(pitch: float, *, closed: bool, step: float = 0.04e-6) -> float:
    """F/m of the middle one of three lines of metal 3, the others grounded: Laplace's equation on a grid."""
    bottom, thick, above, width = 3.53e-6, 0.55e-6, 0.60e-6, 0.28e-6
    top = bottom + thick + (above if closed else 6e-6)
    height, span = round(top / step), round(3 * pitch / step)
    line = np.zeros((height + 1, span + 1), int)
    for number in (1, 2, 3):
        left = round(((number - 0.5) * pitch - width / 2) / step)
        line[round(bottom / step) : round((bottom + thick) / step) + 1, left : left + round(width / step) + 1] = number
    held = line > 0
    held[0] = True
    held[-1] |= closed
    volts = np.where(line == 2, 1.0, 0.0)
    index = np.arange(line.size).reshape(line.shape)
    first = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    second = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    size = line.size
    links = csr_matrix((np.ones(len(first)), (first, second)), (size, size))
    links = links + links.T
    graph = (
        csr_matrix((np.asarray(links.sum(axis=1)).ravel(), (np.arange(size), np.arange(size))), (size, size)) - links
    )
    free = ~held.ravel()
    solution = volts.ravel().copy()
    solution[free] = spsolve(graph[free][:, free], -graph[free][:, ~free] @ solution[~free])
    charge = (graph @ solution)[line.ravel() == 2].sum()
    return float(4 * 8.8542e-12 * charge)
