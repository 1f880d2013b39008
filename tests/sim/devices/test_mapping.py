from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Formats
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.complementary import Complementary
from captwin.sim.devices.gains import column_gains
from captwin.sim.devices.mapping_kinds import MAPPINGS, chip_mapping, mapping_kind
from captwin.sim.devices.one_sided import OneSided
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.quantise import quantise
from tests.support.circuit_chips import circuit_chip

C_COLUMN = 2e-12
NEURON = quantise(load_circuit("charge_share"), Formats())

mappings = st.builds(
    lambda kind, *numbers: mapping_kind(kind)(*numbers),
    st.sampled_from(list(MAPPINGS)),
    st.floats(1.5, 100),  # ratio
    st.integers(2, 64),  # levels
    st.floats(0, 0.5),  # parasitic
    st.just(0.3),  # v_read
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
    caps = mapping.program(codes, bias, width, C_COLUMN)
    plus, minus, bias_pair = (array.astype(np.float32) for array in (caps.c_plus, caps.c_minus, caps.c_bias))
    step = mapping.charge_lsb(mapping.unit_capacitance(codes, bias, width, C_COLUMN))
    assert (np.rint(np.subtract(plus, minus, dtype=float) / step) == codes).all()
    assert (np.rint(np.subtract(*bias_pair, dtype=float) / (step * width)) == bias).all()


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_the_unit_pair_is_found_again(case):
    mapping, codes, bias, width = case
    caps = mapping.program(codes, bias, width, C_COLUMN)
    c_off = mapping.unit_capacitance(codes, bias, width, C_COLUMN)
    found = mapping.unit_pair(caps, c_off * (mapping.ratio - 1))
    assert found.c_off == pytest.approx(c_off, rel=1e-6)
    assert round(found.bias_width) == width


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_columns_hold_their_pairs_and_the_heaviest_is_full(case):
    mapping, codes, bias, width = case
    caps = mapping.program(codes, bias, width, C_COLUMN)
    pairs = (caps.c_plus + caps.c_minus).sum(axis=0) + caps.c_bias.sum(axis=0)
    ballast = caps.c_column - mapping.parasitic * C_COLUMN - pairs
    assert ballast.min() == pytest.approx(0, abs=1e-9 * C_COLUMN)
    if mapping.kind == "complementary":
        assert ballast.max() == pytest.approx(0, abs=1e-9 * C_COLUMN)


@settings(max_examples=50, deadline=None)
@given(programmed())
def test_devices_stay_between_off_and_on(case):
    mapping, codes, bias, width = case
    caps = mapping.program(codes, bias, width, C_COLUMN)
    c_off = mapping.unit_capacitance(codes, bias, width, C_COLUMN)
    for devices in (caps.c_plus, caps.c_minus, caps.c_bias / width):
        assert devices.min() >= c_off * (1 - 1e-9)
        assert devices.max() <= c_off * mapping.ratio * (1 + 1e-9)


@settings(max_examples=50, deadline=None)
@given(programmed(), st.integers(0, 2**32))
def test_drive_codes_are_the_column_voltages(case, seed):
    mapping, codes, bias, width = case
    caps = mapping.program(codes, bias, width, C_COLUMN)
    c_off = mapping.unit_capacitance(codes, bias, width, C_COLUMN)
    scaling = column_gains(mapping.charge_lsb(c_off), caps, mapping.v_read, NEURON.scale, NEURON.formats)
    spikes = np.random.default_rng(seed).integers(0, 2, len(codes))
    charge = spikes @ (caps.c_plus - caps.c_minus) + caps.c_bias[0] - caps.c_bias[1]
    volts = mapping.v_read * charge / C_COLUMN
    code = ((spikes @ codes) * scaling.gains.astype(np.int64) + scaling.offsets) / (1 << scaling.shift)
    assert np.abs(NEURON.drives.volts(code) - volts).max() < 0.1 * NEURON.drives.lsb


@pytest.mark.parametrize("kind", list(MAPPINGS))
def test_number_of_codes(kind):
    mapping = mapping_kind(kind)(10.0, 16, 0.1, 0.6)
    codes = np.unique(mapping.round_codes(np.linspace(-1, 1, 10001)))
    assert len(codes) == {"complementary": 16, "one_sided": 31}[kind]
    assert (codes == -codes[::-1]).all()


def test_codes_that_the_devices_lack():
    mapping = Complementary(10.0, 16, 0.1, 0.6)
    with pytest.raises(CaptwinError, match=r"mapping: charge codes must be complementary codes of 16 levels"):
        mapping.program(np.array([[2]]), np.array([1]), 1, C_COLUMN)


def test_gains_too_large():
    mapping = OneSided(10.0, 2, 0.0, 1e4)
    codes, bias = np.array([[1]]), np.array([0])
    caps = mapping.program(codes, bias, 1, C_COLUMN)
    charge_lsb = mapping.charge_lsb(mapping.unit_capacitance(codes, bias, 1, C_COLUMN))
    with pytest.raises(CaptwinError, match="lower v_read"):
        column_gains(charge_lsb, caps, mapping.v_read, NEURON.scale, NEURON.formats)


def test_a_chip_says_how_it_was_mapped():
    chip = circuit_chip(1, kind="complementary")
    assert chip_mapping(chip) is chip_mapping(chip, "complementary") is Complementary
    with pytest.raises(CaptwinError, match="this chip says that it is 'complementary', not 'one_sided'"):
        chip_mapping(chip, "one_sided")
    silent = replace(chip, provenance={})
    assert chip_mapping(silent, "one_sided") is OneSided
    with pytest.raises(CaptwinError, match="does not say how its weights were mapped; name its mapping, one of compl"):
        chip_mapping(silent)
    with pytest.raises(CaptwinError, match="no kind 'other'; there are complementary, one_sided"):
        chip_mapping(silent, "other")
