"""Models of mismatch to test with."""

import numpy as np

from captwin.sim.mismatch.model import NUMBERS, Mismatch


def drawn_mismatch(circuit: str, *, seed: int = 1, neurons: int = 12, sigma: float = 0.01) -> Mismatch:
    """A model of ``circuit`` whose numbers are drawn from normal distributions of ``sigma``."""
    numbers = np.random.default_rng(seed).normal(0, sigma, (neurons, len(NUMBERS))).round(7)
    return Mismatch(
        circuit=circuit,
        pdk="gf180mcu",
        temperature=27.0,
        seed=seed,
        source_sha256="0" * 64,
        cards_sha256="1" * 64,
        lost=0,
        thresholds_kept=0.9,
        membranes_rms=1e-3,
        membranes_kept=0.8,
        neurons=tuple(tuple(row) for row in numbers.tolist()),
    )
