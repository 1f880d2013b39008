"""From tables of sampled neurons to a few numbers each, and how much of the tables these keep."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.neurons.table import NeuronTable, TableError

#: numbers that the membranes' deviations are explained by
OF_MEMBRANES = ("injection", "gain", "leak", "reset")
#: points between rest and the membrane that fires without drive, over which thresholds are averaged
POINTS = 65


class Kept(NamedTuple):
    """How much of what was measured the numbers keep."""

    thresholds: float  #: share of the variance of the threshold curves, by ``threshold`` alone; 0 if there is none
    membranes_rms: float  #: V
    membranes: float  #: share of the variance of the membranes, by OF_MEMBRANES; 0 if too few cycles end alike


def threshold_deviation(typical: NeuronTable, sampled: NeuronTable) -> np.ndarray | None:
    """(2, Nv) V by which the threshold curves of two tables of equal axes differ; where one of them has none between
    its drives, as at the next membrane where both have. None if a curve has no such membrane."""
    inside = _has_threshold(typical) & _has_threshold(sampled)
    if not inside.any(axis=1).all():
        return None
    place = np.arange(len(typical.v))
    lines = [
        np.interp(place, place[ok], after[ok] - before[ok])
        for ok, after, before in zip(inside, sampled.thresholds, typical.thresholds, strict=True)
    ]
    return np.stack(lines)


def neuron_numbers(typical: NeuronTable, sampled: NeuronTable) -> np.ndarray | None:
    """(NUMBERS,) of a neuron whose table is ``sampled``, less those of ``typical``; None if it has no threshold."""
    curves = threshold_deviation(typical, sampled)
    if curves is None:
        return None
    if not _gain(typical):
        raise TableError(f"{typical.circuit}: no drive below 0 V moves its membrane; look at its netlist")
    spiked = _after_spike(typical)
    values = {
        "threshold": float(np.mean([np.interp(_above_rest(typical), typical.v, curve) for curve in curves])),
        "from_rest": float(np.interp(typical.v_rest, typical.v, curves[0])),
        "after_spike": float(np.interp(spiked, typical.v, curves[1])),
        "injection": _difference(typical, sampled, (typical.v_rest, 0.0, False)),
        "gain": _gain(sampled) / _gain(typical) - 1,
        "leak": _kept_by_leak(typical) - _kept_by_leak(sampled),
        "reset": _difference(typical, sampled, (spiked, 0.0, True)),
    }
    return np.array([values[name] for name in NUMBERS])


def kept(typical: NeuronTable, sampled: Sequence[NeuronTable], numbers: np.ndarray) -> Kept:
    """What ``numbers``, (neurons, NUMBERS), keep of the tables ``sampled``, a table a row."""
    names = list(NUMBERS)
    inside = np.stack([_has_threshold(typical) & _has_threshold(table) for table in sampled])
    curves = [threshold_deviation(typical, table) for table in sampled]
    deviations = np.stack([curve for curve in curves if curve is not None])
    left = deviations - numbers[:, [names.index("threshold")], None]
    membranes = np.stack([table.after - typical.after for table in sampled])
    alike = np.stack([_fires(table) == _fires(typical) for table in sampled])
    causes = numbers[:, [names.index(name) for name in OF_MEMBRANES]]
    causes = (causes - causes.mean(axis=0)) / np.maximum(causes.std(axis=0), np.finfo(float).tiny)
    total = error = 0.0
    for place in np.argwhere(alike.sum(axis=0) > 2 * len(OF_MEMBRANES)):
        rows = alike[:, *place]
        seen = membranes[rows, *place] - membranes[rows, *place].mean()
        known = causes[rows] - causes[rows].mean(axis=0)
        weights, *_ = np.linalg.lstsq(known, seen, rcond=None)
        total += float((seen**2).sum())
        error += float(((seen - known @ weights) ** 2).sum())
    spread = _variance(deviations, inside)
    return Kept(
        thresholds=1 - _variance(left, inside) / spread if spread else 0.0,
        membranes_rms=float(np.sqrt(np.square(membranes[alike]).mean())),
        membranes=1 - error / total if total else 0.0,
    )


def deviated(table: NeuronTable, typical: NeuronTable, sampled: NeuronTable) -> NeuronTable:
    """``table`` with all deviations of ``sampled`` from ``typical``, whose axes are coarser: the neuron as drawn.

    A membrane from which the neuron of ``table`` never fires stays one.
    """
    curves = threshold_deviation(typical, sampled)
    assert curves is not None, "a neuron without a threshold"
    shifted = table.thresholds + np.stack([np.interp(table.v, typical.v, curve) for curve in curves])
    change = sampled.surfaces - typical.surfaces
    change = np.apply_along_axis(lambda line: np.interp(table.v, typical.v, line), -2, change)
    change = np.apply_along_axis(lambda line: np.interp(table.u, typical.u, line), -1, change)
    return replace(
        table,
        surfaces=table.surfaces + change,
        thresholds=np.where(shifted > table.u[-1], np.inf, np.maximum(shifted, table.u[0])),
    )


def _has_threshold(table: NeuronTable) -> np.ndarray:
    return np.isfinite(table.thresholds) & (table.thresholds > table.u[0])


def _fires(table: NeuronTable) -> np.ndarray:
    return np.asarray(table.u >= table.thresholds[:, :, None])


def _above_rest(typical: NeuronTable) -> np.ndarray:
    """(n,) V: membranes from rest to that which fires without drive, where thresholds matter most."""
    v = np.linspace(typical.v_rest, typical.v[-1], POINTS)
    curve = np.where(np.isinf(typical.thresholds[0]), typical.u[-1], typical.thresholds[0])
    return v[np.interp(v, typical.v, curve) >= 0]


def _after_spike(table: NeuronTable) -> float:
    """V: membrane after a spike from rest by the least drive that makes one."""
    return float(table.step(*(np.array([x]) for x in (table.v_rest, table.firing_drive, False)), spikes=np.ones(1))[0])


def _membrane(table: NeuronTable, v: float, u: float, fired: bool) -> float:
    """V after a cycle without a spike."""
    return float(table.step(*(np.array([x]) for x in (v, u, fired)), spikes=np.zeros(1))[0])


def _difference(typical: NeuronTable, sampled: NeuronTable, cycle: tuple[float, float, bool]) -> float:
    return _membrane(sampled, *cycle) - _membrane(typical, *cycle)


def _gain(table: NeuronTable) -> float:
    """Slope of the membrane after a silent cycle from rest, over the drives below none."""
    low = float(table.u[0])
    return (_membrane(table, table.v_rest, 0.0, False) - _membrane(table, table.v_rest, low, False)) / -low


def _kept_by_leak(table: NeuronTable) -> float:
    """Slope of the membrane after a silent cycle, under the lowest drive, over the one before, from rest upwards."""
    ends = [_membrane(table, v, float(table.u[0]), False) for v in (table.v_rest, float(table.v[-1]))]
    return (ends[1] - ends[0]) / (float(table.v[-1]) - table.v_rest)


def _variance(deviations: np.ndarray, counts: np.ndarray) -> float:
    """Sum of squares about the mean over the first axis, of those that count."""
    masked = np.ma.array(deviations, mask=~counts)
    return float(((masked - masked.mean(axis=0)) ** 2).sum())
