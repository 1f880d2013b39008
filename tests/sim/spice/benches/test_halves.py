"""Cycles in two halves against whole ones."""

import numpy as np
import pytest

from captwin.sim.spice.benches.bench import NETLISTS, Bench, Cycle, Point, open_bench
from captwin.sim.spice.benches.bench_file import analysis
from captwin.sim.spice.benches.halves import Halves
from captwin.sim.spice.runner import Runner
from tests.support.needs import needs_ngspice, needs_pdk

pytestmark = [needs_ngspice, needs_pdk("gf180mcu")]


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    text = (NETLISTS / "charge_share.cir").read_text().replace("supply=1.8 v_ref=0.72 v_reset=0.70", "supply=3.3")
    text = text.replace("v_min=0.56 v_max=0.88", "v_ref=1.2 v_reset=1.18 v_min=1.0 v_max=1.5")
    text = text.replace("cmem    mem 0 {c_membrane}", "xmem mem 0 cmim w=15u l=15u")
    path = tmp_path_factory.mktemp("netlist") / "mine.cir"
    path.write_text(text)
    return open_bench("mine", netlist=path, pdk="gf180mcu")


def test_halves_make_the_whole(bench):
    starts = [(1.05, False), (1.2, True), (1.4, False)]
    points = [Point(v, float(u), fired) for v, fired in starts for u in np.linspace(-0.12, 0.12, 5)]
    points.append(Point(1.3, 0.0, True))  # alone
    halves = Halves(bench)
    shared, whole = halves.simulate(points), bench.simulate(points)
    assert halves.known.keys() == set(starts) and halves.key != bench.key
    for cycle, other in zip(shared, whole, strict=True):
        assert isinstance(cycle, Cycle) and isinstance(other, Cycle)
        assert cycle.spike == other.spike and cycle.v == pytest.approx(other.v, abs=11e-6)  # ngspice echoes six digits
        assert cycle.energy == pytest.approx(other.energy, rel=2e-3)
    assert {cycle.spike for cycle in shared} == {False, True}
    # A first half that is known serves single cycles, too.
    known = dict(halves.known)
    (again,) = halves.simulate([points[0]])
    assert again == shared[0] and halves.known == known


def test_what_fails_in_halves_is_simulated_as_a_whole(bench, monkeypatch):
    points = [Point(1.05, u, False) for u in (-0.1, 0.1)]
    whole = bench.simulate(points)
    monkeypatch.setattr(Halves, "_second_head", bench.head.replace(analysis(foundry=True), analysis(1, foundry=True)))
    assert Halves(bench).simulate(points) == whole
    monkeypatch.setattr(Halves, "_first_head", bench.head.replace(analysis(foundry=True), analysis(1, foundry=True)))
    halves = Halves(bench)
    assert halves.simulate(points) == whole and not halves.known


def test_other_devices_are_simulated_as_a_whole():
    bench = open_bench("charge_share")
    halves, points = Halves(bench), [Point(0.7, u, False) for u in (-0.1, 0.1)]
    assert halves.key == bench.key and halves.simulate(points) == bench.simulate(points) and not halves.known


def test_the_runner_keeps_them_apart_from_whole_cycles(bench, tmp_path):
    points = [Point(1.2, u, False) for u in (-0.1, 0.0, 0.1)]
    cycles = Runner(bench, tmp_path, lambda what, done, total: None).cycles(points, "points")
    (kept,) = (path.name for path in tmp_path.iterdir())
    assert kept == Halves(bench).key[:32] != bench.key[:32]
    again = Runner(bench, tmp_path, lambda what, done, total: None)
    assert again.known == dict(zip(points, cycles, strict=True))


@pytest.mark.proof
@pytest.mark.parametrize(("circuit", "worst"), [("gf180_charge_share", 50e-6), ("gf180_pass_transistor", 160e-6)])
def test_shorter_steps_change_little(circuit, worst):
    """The worst of the second are the highest membranes under high drives, where its switch hardly conducts."""
    bench, finer = open_bench(circuit), open_bench(circuit)
    p = bench.parameters
    starts = [(float(v), fired) for v in np.linspace(p["v_min"], p["v_max"], 5) for fired in (False, True)]
    points = [Point(v, float(u), fired) for v, fired in starts for u in np.linspace(p["u_min"], p["u_max"], 6)]
    tight = ".option reltol=1e-5 chgtol=1e-17\n.tran 2p 14.8n 0 2p\n"
    vars(finer)["head"] = bench.head.replace(analysis(foundry=True), tight)
    errors = []
    for cycle, other in zip(Halves(bench).simulate(points), finer.simulate(points), strict=True):
        assert isinstance(cycle, Cycle) and isinstance(other, Cycle) and cycle.spike == other.spike
        errors.append(cycle.v - other.v)
        assert cycle.energy == pytest.approx(other.energy, rel=5e-3)
    assert np.sqrt(np.mean(np.square(errors))) < 30e-6 and np.abs(errors).max() < worst
