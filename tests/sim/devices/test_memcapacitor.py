"""The memcapacitor: its states, its spread, and what writes, time and reads make of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.sim.devices.memcapacitor import Effects, History, Memcapacitor, MemcapacitorError

DEVICE = Memcapacitor(1e-15, 1e-14, 16)

states = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)
shares = st.floats(0, 1)


def with_effects(**sizes: float) -> Memcapacitor:
    return replace(DEVICE, effects=Effects(**sizes))


@given(st.floats(1e-18, 1e-12), st.floats(1.01, 100), states)
def test_states_and_capacitances_are_one(c_off: float, ratio: float, state: np.ndarray) -> None:
    device = Memcapacitor(c_off, c_off * ratio, 8)
    c = device.capacitance(state)
    assert c.min() >= c_off * (1 - 1e-12) and c.max() <= c_off * ratio * (1 + 1e-12)
    np.testing.assert_allclose(device.state(c), state, atol=1e-12)


@given(states)
def test_ideal_devices_keep_what_was_programmed(state: np.ndarray) -> None:
    c, old = DEVICE.capacitance(state), History(writes=1e6, reads=1e9, seconds=1e9)
    nothing = DEVICE.draw(c.shape, np.random.default_rng(1))
    np.testing.assert_allclose(DEVICE.live(c, nothing, old), c, rtol=1e-12)
    np.testing.assert_array_equal(DEVICE.as_read(c, 0.9), c)


@given(states, shares, st.floats(0, 1e6), st.floats(0, 1e6))
def test_pulses_add_up_and_lead_to_their_end(state: np.ndarray, size: float, first: float, second: float) -> None:
    device = with_effects(write_disturb=size, read_disturb=size, equilibrium=0.25)
    for step, end in ((device.after_writes, 1.0), (device.after_reads, 0.25)):
        np.testing.assert_allclose(step(step(state, first), second), step(state, first + second), atol=1e-9)
        assert (np.abs(step(state, first) - end) <= np.abs(state - end) + 1e-12).all()


def test_one_half_selection_moves_an_erased_device_by_its_share_of_a_level() -> None:
    assert with_effects(write_disturb=0.3).after_writes(np.zeros(1), 1)[0] == pytest.approx(0.3 / 15)


@given(states, shares, st.floats(0, 1e12), st.floats(0, 1e12))
def test_drift_goes_one_way(state: np.ndarray, size: float, a: float, b: float) -> None:
    device = with_effects(drift=size, equilibrium=0.5)
    early, late = (np.abs(device.after_time(state, t) - 0.5) for t in sorted((a, b)))
    assert (late <= early + 1e-12).all() and (early <= np.abs(state - 0.5) + 1e-12).all()


def test_drift_counts_decades() -> None:
    device = with_effects(drift=0.1, equilibrium=0.0)
    left = [float(device.after_time(np.ones(1), seconds)[0]) for seconds in (0, 9, 99, 1e12)]
    assert left == pytest.approx([1.0, 0.9, 0.8, 0.0])


@pytest.mark.parametrize("sigma", [0.05, 0.2])
@pytest.mark.parametrize("parallel", [1, 12])
def test_spread_has_the_sigma_that_was_asked_for(sigma: float, parallel: int) -> None:
    factor = with_effects(sigma_c=sigma).draw((200_000,), np.random.default_rng(3), parallel).factor
    # Four standard errors of a sample of 200,000.
    assert factor.mean() == pytest.approx(1, abs=4 * sigma / np.sqrt(200_000))
    assert factor.std() == pytest.approx(sigma / np.sqrt(parallel), rel=0.02)
    assert factor.min() > 0


def test_stuck_devices_are_as_many_as_said_and_stay_where_they_are() -> None:
    device = with_effects(stuck=0.03, stuck_on=0.25, drift=0.5)
    programmed = np.full(100_000, 5e-15)
    defects = device.draw(programmed.shape, np.random.default_rng(4))
    stuck = ~np.isnan(defects.stuck)
    assert stuck.mean() == pytest.approx(0.03, abs=4 * np.sqrt(0.03 / 100_000))
    assert defects.stuck[stuck].mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 3000))
    c = device.live(programmed, defects, History(seconds=1e6))
    assert set(c[stuck]) == {DEVICE.c_off, DEVICE.c_on} and len(set(c[~stuck])) == 1


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([0.9, -0.9]))
def test_a_read_sees_the_mean_of_the_voltage_it_sweeps(c_v1: float, c_v2: float, volts: float) -> None:
    sweep = np.linspace(0, volts, 20_001)
    curve = 1 + c_v1 * sweep + c_v2 * sweep**2
    found = with_effects(c_v1=c_v1, c_v2=c_v2).as_read(np.array([2e-15]), volts)[0]
    assert found / 2e-15 == pytest.approx(np.trapezoid(curve, sweep) / volts, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Memcapacitor(2e-15, 1e-15, 16), "C_on must be more than C_off"),
        (lambda: Memcapacitor(0.0, 1e-15, 16), "C_off must be more than 0 F"),
        (lambda: Memcapacitor(1e-15, float("nan"), 16), "C_on must be more than C_off"),
        (lambda: Memcapacitor(1e-15, 1e-14, 1), "at least 2 levels"),
        (lambda: Effects(sigma_c=-0.1), "sigma_c: must lie in 0 to 1, got -0.1"),
        (lambda: Effects(stuck=1.5), "stuck: must lie in 0 to 1"),
        (lambda: Effects(equilibrium=float("nan")), "equilibrium: must lie in 0 to 1, got nan"),
        (lambda: History(seconds=-1.0), "seconds: must lie in 0 to 1e"),
        (lambda: with_effects(c_v1=-1.0, c_v2=-1.0).as_read(np.ones(1), 0.9), "make C negative"),
    ],
)
def test_unphysical(make, message: str) -> None:
    with pytest.raises(MemcapacitorError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
