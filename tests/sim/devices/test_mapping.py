import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Formats
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.mapping import Mapping, column_scale, to_capacitances, to_codes, unit_capacitance
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.quantise import quantise

C_COLUMN = 2e-12
NEURON = quantise(load_circuit("charge_share"), Formats())

mappings = st.builds(
    Mapping,
    kind=st.sampled_from(["complementary", "one_sided"]),
    ratio=st.floats(1.5, 100),
    levels=st.integers(2, 64),
    parasitic=st.floats(0, 0.5),
    v_read=st.just(0.3),
)


@st.composite
def programmed(draw):
    mapping = draw(mappings)
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.uniform(-1.5, 1.5, (rows + 1, columns)) * draw(st.sampled_from([0.0, 0.1, 1.0]))
    codes = mapping.round_codes(weights)
    return mapping, codes[:-1], codes[-1], draw(st.integers(1, 4))


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_codes_survive_the_way_through_float32_capacitances(case):
    mapping, codes, bias, width = case
    caps = to_capacitances(codes, bias, width, mapping, C_COLUMN)
    stored = (array.astype(np.float32) for array in (caps.c_plus, caps.c_minus, caps.c_bias))
    back, bias_back = to_codes(*stored, width, mapping)
    assert (back == codes).all()
    assert (bias_back == bias).all()


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_columns_hold_their_pairs_and_the_heaviest_is_full(case):
    mapping, codes, bias, width = case
    caps = to_capacitances(codes, bias, width, mapping, C_COLUMN)
    pairs = (caps.c_plus + caps.c_minus).sum(axis=0) + caps.c_bias.sum(axis=0)
    ballast = caps.c_column - mapping.parasitic * C_COLUMN - pairs
    assert ballast.min() == pytest.approx(0, abs=1e-9 * C_COLUMN)
    if mapping.kind == "complementary":
        assert ballast.max() == pytest.approx(0, abs=1e-9 * C_COLUMN)


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_devices_stay_between_off_and_on(case):
    mapping, codes, bias, width = case
    caps = to_capacitances(codes, bias, width, mapping, C_COLUMN)
    c_off = unit_capacitance(codes, bias, width, mapping, C_COLUMN)
    for devices in (caps.c_plus, caps.c_minus, caps.c_bias / width):
        assert devices.min() >= c_off * (1 - 1e-9)
        assert devices.max() <= c_off * mapping.ratio * (1 + 1e-9)


@settings(max_examples=50, deadline=None)
@given(programmed(), st.integers(0, 2**32))
def test_drive_codes_are_the_column_voltages(case, seed):
    mapping, codes, bias, width = case
    caps = to_capacitances(codes, bias, width, mapping, C_COLUMN)
    c_off = unit_capacitance(codes, bias, width, mapping, C_COLUMN)
    gains, offsets, shift = column_scale(caps, c_off, mapping, NEURON)
    spikes = np.random.default_rng(seed).integers(0, 2, len(codes))
    charge = spikes @ (caps.c_plus - caps.c_minus) + caps.c_bias[0] - caps.c_bias[1]
    volts = mapping.v_read * charge / C_COLUMN
    code = ((spikes @ codes) * gains.astype(np.int64) + offsets) / (1 << shift)
    assert np.abs(NEURON.scale.u_min + code * NEURON.u_lsb - volts).max() < 0.1 * NEURON.u_lsb


@pytest.mark.parametrize("kind", ["complementary", "one_sided"])
def test_number_of_codes(kind):
    mapping = Mapping(kind, 10.0, 16, 0.1, 0.6)
    codes = np.unique(mapping.round_codes(np.linspace(-1, 1, 10001)))
    assert len(codes) == {"complementary": 16, "one_sided": 31}[kind]
    assert (codes == -codes[::-1]).all()


def test_codes_that_the_devices_lack():
    mapping = Mapping("complementary", 10.0, 16, 0.1, 0.6)
    with pytest.raises(CaptwinError, match=r"mapping: charge codes must be complementary codes of 16 levels"):
        to_capacitances(np.array([[2]]), np.array([1]), 1, mapping, C_COLUMN)


def test_gains_too_large():
    mapping = Mapping("one_sided", 10.0, 2, 0.0, 1e4)
    codes, bias = np.array([[1]]), np.array([0])
    caps = to_capacitances(codes, bias, 1, mapping, C_COLUMN)
    with pytest.raises(CaptwinError, match="lower v_read"):
        column_scale(caps, unit_capacitance(codes, bias, 1, mapping, C_COLUMN), mapping, NEURON)
