import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Formats
from captwin.sim.neurons.circuits import ideal_twin, load_circuit
from captwin.sim.neurons.quantise import quantise
from tests.support.tables import small_table

FINE = small_table(points=65, level=0.06)
TABLES = {"fine": FINE, "ideal": ideal_twin(FINE), "four surfaces": small_table(points=65, level=0.06, jump=0.04)}


@st.composite
def formats(draw):
    drive, membrane = draw(st.integers(8, 14)), draw(st.integers(10, 16))
    return Formats(
        drive_bits=drive,
        membrane_bits=membrane,
        drive_fraction=drive - draw(st.integers(1, 6)),
        membrane_fraction=membrane - draw(st.integers(1, 6)),
    )


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(TABLES)), formats())
def test_knots_hold_the_table_to_half_a_code(name, formats):
    table, neuron = TABLES[name], quantise(TABLES[name], formats)
    v = neuron.scale.v_min + (np.arange(formats.membrane_knots) << formats.membrane_fraction) * neuron.membranes.lsb
    u = neuron.scale.u_min + (np.arange(formats.drive_knots) << formats.drive_fraction) * neuron.drives.lsb
    assert np.isclose(v[-1], table.v[-1]) and np.isclose(u[-1], table.u[-1])
    # The table's 65 points hold all knots of up to 64 intervals.
    at_v = np.searchsorted(table.v, v - 1e-9)
    at_u = np.searchsorted(table.u, u - 1e-9)
    wanted = table.surfaces[..., at_v[:, None], at_u]
    got = neuron.scale.v_min + neuron.surfaces * neuron.membranes.lsb
    inside = neuron.surfaces < formats.membrane_max
    assert np.abs(got - wanted)[inside].max() <= 0.5001 * neuron.membranes.lsb
    curves = table.thresholds[:, at_v]
    never = np.isinf(curves)
    assert (neuron.thresholds[never] == 1 << formats.drive_bits).all()
    codes = neuron.scale.u_min + neuron.thresholds * neuron.drives.lsb
    assert np.abs(codes - curves)[~never].max() <= 0.5001 * neuron.drives.lsb
    assert neuron.surfaces.max() <= formats.membrane_max


def test_rest_and_energy():
    neuron = quantise(load_circuit("charge_share"), Formats())
    assert neuron.rest == quantise(TABLES["fine"], Formats()).rest == 2048
    assert neuron.energy is not None and neuron.energy.shape == neuron.surfaces.shape
    assert neuron.energy.dtype == np.float32
    assert quantise(TABLES["ideal"], Formats()).energy is None
