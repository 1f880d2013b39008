"""A neuron table small enough to reason about."""

import numpy as np

from captwin.sim.neurons.table import NeuronTable


def small_table(points: int = 9, level: float = 0.05, jump: float | None = None) -> NeuronTable:
    """A leaky integrator from 0.5 to 1.0 V with a spike where the membrane would pass 0.75 V + ``level``; with ``jump``
    it has four surfaces, and a spike adds so many V."""
    v, u = np.linspace(0.5, 1.0, points), np.linspace(-0.1, 0.1, points)
    kept = np.stack([(v - 0.75) / 3, (v - 0.75) / 30])
    surfaces = 0.75 + kept[:, :, None] + u / 1.5
    if jump is not None:
        surfaces = np.stack([surfaces, surfaces + jump], axis=1)
    least = (level - kept) * 1.5
    return NeuronTable(
        circuit="small",
        corner="tt",
        temperature=27.0,
        supply=1.8,
        date="2026-01-31",
        source_sha256="0" * 64,
        c_column=2e-12,
        c_membrane=1e-12,
        v_rest=0.75,
        v_read=0.9,
        v=v,
        u=u,
        surfaces=surfaces,
        thresholds=np.where(least > u[-1], np.inf, np.maximum(least, u[0])),
        energy=np.full((2, points, points), 1e-13),
    )
