import numpy as np
import pytest

from hw.errors import CaptwinError
from sim.analog.formulas import CIRCUITS, ChargeShare, Ideal
from sim.analog.sample import load_circuit, sample


def test_ideal_follows_the_first_order_equation():
    table = load_circuit("ideal")
    a = table.c_column / (table.c_column + table.c_membrane)
    v, u = np.meshgrid(table.v, table.u, indexing="ij")
    assert np.allclose(table.surfaces[0], 0.75 + (1 - a) * (v - 0.75) + a * u, atol=1e-12)
    assert np.allclose(table.surfaces[1], 0.75 + a * u, atol=1e-12)
    assert table.energy is None


def test_ideal_fires_exactly_at_its_threshold():
    circuit = Ideal()
    table = sample(circuit)
    for fired in (0, 1):
        finite = np.isfinite(table.thresholds[fired]) & (table.thresholds[fired] > table.u[0])
        reached = circuit.step(table.v, np.where(finite, table.thresholds[fired], 0), bool(fired))
        assert np.allclose(reached[finite], circuit.v_ref + circuit.threshold, atol=1e-9)


def test_charge_share_without_imperfections_is_ideal():
    perfect = ChargeShare(
        bend=0, injection=0, injection_slope=0, trip=0.015, hysteresis=0, memory=0, kickback=0, reset=0, residue=0
    )
    ours, ideal = sample(perfect), sample(Ideal(threshold=0.015))
    assert np.allclose(ours.surfaces, ideal.surfaces, atol=1e-9)
    assert np.allclose(ours.thresholds, ideal.thresholds, atol=1e-8)


def test_charge_is_conserved():
    circuit = ChargeShare(injection=0, injection_slope=0, kickback=0)
    v, u = np.meshgrid(np.linspace(0.6, 0.9, 7), np.linspace(-0.1, 0.1, 5), indexing="ij")
    after = circuit.step(v, u, fired=False) - circuit.v_ref
    before = circuit._charge(v - circuit.v_ref) + circuit.c_column * u
    assert np.allclose(circuit._charge(after) + circuit.c_column * after, before, rtol=0, atol=1e-24)


@pytest.mark.parametrize("name", CIRCUITS)
def test_more_drive_never_takes_a_spike_away(name):
    circuit = CIRCUITS[name]()
    v, u = np.meshgrid(np.linspace(*circuit.v_range, 40), np.linspace(*circuit.u_range, 400), indexing="ij")
    for fired in (False, True):
        assert (np.diff(circuit.fires(v, u, fired).astype(int), axis=1) >= 0).all()


def test_threshold_curves_depend_on_the_old_membrane_and_the_spike_before():
    table = load_circuit("charge_share")
    assert (np.diff(table.thresholds, axis=1) <= 0).all()
    assert np.ptp(table.thresholds[0]) > 5 * np.ptp(table.thresholds[1]) > 0.01


def test_a_neuron_that_no_drive_fires():
    table = sample(ChargeShare(trip=0.05))
    assert np.isinf(table.thresholds[0][0]) and np.isfinite(table.thresholds[0][-1])


def test_surfaces_stay_within_the_axis():
    for name in CIRCUITS:
        table = load_circuit(name)
        assert table.v[0] < table.surfaces.min() and table.surfaces.max() < table.v[-1]


def test_unknown_circuit():
    with pytest.raises(CaptwinError, match="circuit: no table file 'nothing', nor a reference circuit"):
        load_circuit("nothing")
