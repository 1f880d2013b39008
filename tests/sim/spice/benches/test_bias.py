"""References that a netlist's own bias circuit makes."""

import numpy as np
import pytest

from captwin.sim.spice.benches.bench import NETLISTS, TYPICAL, Bench, Conditions, Point, open_bench
from captwin.sim.spice.benches.column import Chain, Column, ColumnBench
from captwin.sim.spice.ngspice import SpiceError
from tests.support.needs import needs_ngspice

#: a replica of the comparator, its output tied to its input, and a divider for v_reset
BIAS = """
.subckt bias vdd vref
+ vreset
xp vref vref vdd vdd pch w=0.5u l=0.6u
xn vref vref 0   0   nch w=1u l=0.36u
r1 vref   vreset 10k
r2 vreset 0      200k
.ends bias
"""
STATED = "v_ref=0.72 v_reset=0.70"
TYPICAL_AND_SLOW = [TYPICAL, Conditions("ss", 85.0)]

pytestmark = needs_ngspice


@pytest.fixture
def biased(tmp_path):
    """Opens the reference neuron with a bias circuit, its membrane's axis given from v_ref; (old, new) change it."""

    def bench(conditions: Conditions = TYPICAL, *changes: tuple[str, str], c_column: float | None = None) -> Bench:
        text = (NETLISTS / "charge_share.cir").read_text() + BIAS
        for old, new in ((STATED, ""), ("v_min=0.56 v_max=0.88", "v_min={v_ref-0.16} v_max={v_ref+0.16}"), *changes):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "own.cir").write_text(text)
        return open_bench("own", netlist=tmp_path / "own.cir", conditions=conditions, c_column=c_column)

    return bench


def test_the_references_follow_the_conditions(biased):
    typical, slow = (biased(conditions) for conditions in TYPICAL_AND_SLOW)
    for bench in (typical, slow):
        p = bench.parameters
        assert p["v_reset"] == pytest.approx(p["v_ref"] * 200 / 210, abs=2e-5)
        assert p["v_min"] == pytest.approx(p["v_ref"] - 0.16) and p["v_max"] == pytest.approx(p["v_ref"] + 0.16)
        assert 0 < bench.bias_current < 1e-4
    # Slow transistors have 50 mV more threshold and less current.
    assert abs(slow.parameters["v_ref"] - typical.parameters["v_ref"]) > 5e-3
    assert slow.bias_current < typical.bias_current
    assert slow.sha256 != typical.sha256 and slow.key != typical.key


def test_the_replica_solves_the_comparators_balance(biased):
    """The reference is where both transistors carry one current, by the cards' square law."""
    bench = biased(TYPICAL, ("r1 vref   vreset 10k", "r1 vref vreset 10meg"), ("200k", "200meg"))
    v = np.linspace(0.45, 1.35, 9001)
    down = 300e-6 * (1 / 0.36) / 2 * (v - 0.45) ** 2 * (1 + 0.08 * v)
    up = 80e-6 * (0.5 / 0.6) / 2 * (1.8 - v - 0.45) ** 2 * (1 + 0.1 * (1.8 - v))
    assert bench.parameters["v_ref"] == pytest.approx(v[np.abs(down - up).argmin()], abs=2e-3)


def test_what_the_bias_makes_goes_before_what_is_stated(biased, tmp_path):
    bench = biased()
    text = (tmp_path / "own.cir").read_text()
    (tmp_path / "own.cir").write_text(text + ".param v_ref=0.1 v_reset=0.2\n")
    assert open_bench("own", netlist=tmp_path / "own.cir").values == bench.values


def test_a_netlist_without_bias_has_no_bias_current():
    assert open_bench("charge_share").bias_current is None


def test_cycles_and_columns_start_from_the_references_of_the_bias(biased):
    bench = biased(Conditions("ss"))
    v_ref = bench.parameters["v_ref"]
    (cycle,) = bench.simulate([Point(v_ref, 0.0, False)])
    assert cycle.v == pytest.approx(v_ref, abs=0.02)
    column = Column(np.array([50e-15]), np.array([50e-15]), (0.0, 0.0), bench.parameters["c_column"])
    chain = ColumnBench(bench, column, np.zeros((1, 1), int), 0.9).simulate()
    assert isinstance(chain, Chain) and chain.v[0] == pytest.approx(cycle.v, abs=2e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vdd vref\n+ vreset", "vdd vref", r"\.subckt bias must have just these ports, in this order: vdd vref vreset"),
        ("r2 vreset 0      200k", "v1 vreset 0 2", r"bias: v_reset is 2 V at 27 deg C, outside the supply of 1.8 V"),
        (
            "r2 vreset 0      200k",
            "v1 vref 0 1\nv2 vref 0 1.1",
            r"bias: no operating point at 27 deg C: singular matrix",
        ),
        ("r1 vref   vreset 10k\nr2 vreset 0      200k", "", r"bias: v_reset floats: it cannot give even 1e-12 A"),
        ("xp vref vref vdd vdd pch", "xp vref vref vdd vdd qch", r"ngspice cannot use the netlist: .*unknown subckt"),
    ],
)
def test_a_bias_that_makes_no_references_is_told_in_one_line(biased, old, new, message):
    with pytest.raises(SpiceError, match=message) as error:
        biased(TYPICAL, (old, new))
    assert "\n" not in str(error.value) and "own.cir: " in str(error.value)
