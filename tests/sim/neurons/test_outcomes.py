"""Surfaces of one outcome, continued to where the other one occurs."""

import numpy as np
import pytest

from captwin.sim.neurons.outcomes import Samples, continued

V, U = np.linspace(0.5, 1.0, 17), np.linspace(-0.1, 0.1, 21)
NONE = Samples(np.empty(0, int), np.empty(0), np.empty(0))


def smooth(v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A membrane that bends a little along both axes."""
    return np.asarray(0.75 + 0.3 * (v - 0.75) + 0.6 * u + 0.4 * (v - 0.75) * u - 0.5 * u**2)


def cut(slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Where neurons are silent, and their threshold, which falls by ``slope`` V of drive over the membranes."""
    least = slope * (0.75 - V) / 0.5
    return least[:, None] > U, least


@pytest.mark.parametrize("slope", [0.01, 0.08, 0.6])  # the last: some rows only fire, some never do
@pytest.mark.parametrize("jump", [-0.1, 0.02])
def test_the_jump_is_not_blurred(slope: float, jump: float) -> None:
    """In every cell that the threshold cuts, either outcome is interpolated to a hundredth of the jump, or better."""
    silent, least = cut(slope)
    truth = smooth(V[:, None], U)
    measured = np.where(silent, truth, truth + jump)
    crossed = np.flatnonzero(silent[:, 0] & ~silent[:, -1])
    before = np.clip(least[crossed] - 2e-3, U[0], U[-1])
    samples = Samples(crossed, before, smooth(V[crossed], before))
    surface = continued(measured, silent, U, samples)
    np.testing.assert_array_equal(surface[silent], measured[silent])
    reached = np.abs(U - least[:, None]) < 0.03
    assert np.abs(surface - truth)[reached & ~silent].max() < 1e-3


def test_samples_decide_between_the_points() -> None:
    silent, least = cut(0.08)
    flat = np.where(silent, 0.7, 0.8)
    crossed = np.flatnonzero(silent[:, 0] & ~silent[:, -1])
    at = np.searchsorted(U, least[crossed]) - 1
    beside = U[at] + 0.9 * (U[1] - U[0])
    raised = continued(flat, silent, U, Samples(crossed, beside, np.full(len(crossed), 0.701)))
    plain = continued(flat, silent, U, NONE)
    np.testing.assert_allclose(plain[~silent], 0.7, atol=1e-4)
    cells = raised[crossed, at + 1]
    assert (cells > 0.7005).all() and (cells < 0.7015).all()


def test_an_outcome_that_never_occurs_is_the_other() -> None:
    truth = smooth(V[:, None], U)
    for occurs in (np.zeros(truth.shape, bool), np.ones(truth.shape, bool)):
        np.testing.assert_array_equal(continued(truth, occurs, U, NONE), truth)


@pytest.mark.parametrize("points", [1, 3])
def test_few_points_are_enough(points: int) -> None:
    truth = smooth(V[:, None], U)
    occurs = np.zeros(truth.shape, bool)
    occurs.flat[:points] = True
    surface = continued(truth, occurs, U, NONE)
    assert np.isfinite(surface).all() and np.abs(surface - truth).max() < 0.3


@pytest.mark.parametrize("shape", [(2, 2), (2, 9), (9, 2)])
def test_small_grids(shape: tuple[int, int]) -> None:
    v, u = np.linspace(0.5, 1, shape[0]), np.linspace(-0.1, 0.1, shape[1])
    truth = smooth(v[:, None], u)
    surface = continued(truth, np.broadcast_to(u < 0, shape), u, NONE)
    assert np.isfinite(surface).all() and np.ptp(surface) <= 3 * np.ptp(truth)
