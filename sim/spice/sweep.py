"""A netlist's neuron at rest: single cycles over its range of drives, simulated in ngspice."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.spice.benches.bench import Bench, Point
from captwin.sim.spice.characterize import thresholds
from captwin.sim.spice.runner import Runner

#: drives of a sweep
DRIVES = 33


@dataclass(frozen=True, eq=False)
class Sweep:
    """Cycles that begin at rest. Index 0 is the silent neuron, index 1 the one that spiked in the cycle before."""

    u: np.ndarray  #: (DRIVES,) V
    v: np.ndarray  #: (2, DRIVES) V: membrane after the cycle
    spikes: np.ndarray  #: (2, DRIVES) bool
    energy: np.ndarray  #: (2, DRIVES) J
    thresholds: tuple[float | None, float | None]  #: V: least drive that makes a spike; None where none does


def sweep(bench: Bench, *, cache: Path | None = None, progress: Progress = silent) -> Sweep:
    """Simulates the cycles, and finds both thresholds; what was simulated is kept in the folder ``cache``.

    Raises :class:`SpiceError` as :func:`characterize` does.
    """
    runner = Runner(bench, cache, progress)
    p = bench.parameters
    u, rest = np.linspace(p["u_min"], p["u_max"], DRIVES), p["v_ref"]
    cycles = runner.cycles([Point(rest, float(drive), fired) for fired in (False, True) for drive in u], "drives")
    spikes = np.array([cycle.spike for cycle in cycles]).reshape(2, DRIVES)
    least_drives = thresholds(runner, np.array([rest]), u, spikes[:, None, :])[:, 0]
    first, second = (None if math.isinf(least) else float(least) for least in least_drives)
    return Sweep(
        u,
        np.array([cycle.v for cycle in cycles]).reshape(2, DRIVES),
        spikes,
        np.array([cycle.energy for cycle in cycles]).reshape(2, DRIVES),
        (first, second),
    )
