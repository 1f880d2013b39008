"""Each outcome of a cycle as a surface of its own: measured where it occurs, continued smoothly where it does not."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

#: weight of the surface's bending at a point, next to missing a sample by as much
BENDING = 0.1
#: weight of the distance from what was measured there of the other outcome: it decides only where nothing else does
OTHER = 1e-5


class Samples(NamedTuple):
    """Cycles between the points of the grid, each at a row's membrane."""

    rows: np.ndarray  #: (n,) number of the row
    u: np.ndarray  #: (n,) V, drive
    after: np.ndarray  #: (n,) V, membrane after the cycle


def continued(measured: np.ndarray, occurs: np.ndarray, u: np.ndarray, samples: Samples) -> np.ndarray:
    """(Nv, Nu) V: the surface of one outcome over the whole grid.

    ``measured`` (Nv, Nu) V are membranes after the cycles, of which those where ``occurs`` (Nv, Nu) are this outcome's
    and stay as they are; ``samples`` are more cycles of this outcome. The other points get values with which the linear
    interpolation along u meets the samples and the surface bends least, along v and along u: this is what decides in
    the cells that the threshold cuts. No value lies further beyond the measured ones than these are apart.
    """
    if occurs.all() or not occurs.any():
        return measured
    number = np.arange(occurs.size).reshape(occurs.shape)
    conditions = [_meets(samples, u, number), *_bends(number), sparse.eye(occurs.size) * OTHER]
    equations = sparse.vstack(conditions, format="csc")
    wanted = np.zeros(equations.shape[0])
    wanted[: len(samples.u)] = samples.after
    wanted[-occurs.size :] = OTHER * measured.ravel()
    known = occurs.ravel()
    surface = measured.ravel().copy()
    rest = wanted - equations[:, known] @ surface[known]
    free = equations[:, ~known]
    surface[~known] = spsolve((free.T @ free).tocsc(), free.T @ rest)
    span = float(np.ptp(measured))
    return np.clip(surface, measured.min() - span, measured.max() + span).reshape(occurs.shape)


def _meets(samples: Samples, u: np.ndarray, number: np.ndarray) -> sparse.csr_matrix:
    """A row for each sample: the surface's value there, from the points on both sides along u."""
    left = np.clip(np.searchsorted(u, samples.u, side="right") - 1, 0, len(u) - 2)
    share = (samples.u - u[left]) / (u[left + 1] - u[left])
    points = np.stack([number[samples.rows, left], number[samples.rows, left + 1]], axis=1)
    return _rows(points, np.stack([1 - share, share], axis=1), number.size)


def _bends(number: np.ndarray) -> list[sparse.csr_matrix]:
    """A row for each three neighbours, along v and along u: the second difference, times BENDING."""
    rows = []
    for axis in (0, 1):
        lines = number if axis else number.T
        points = np.stack([lines[:, :-2], lines[:, 1:-1], lines[:, 2:]], axis=-1).reshape(-1, 3)
        rows.append(_rows(points, np.broadcast_to(BENDING * np.array([1.0, -2.0, 1.0]), points.shape), number.size))
    return rows


def _rows(points: np.ndarray, weights: np.ndarray, size: int) -> sparse.csr_matrix:
    """A row for each of ``points`` (rows, n), numbers of grid points, with ``weights`` of that shape."""
    place = np.repeat(np.arange(len(points)), points.shape[1])
    return sparse.csr_matrix((weights.ravel(), (place, points.ravel())), shape=(len(points), size))
