import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches import bench as module
from captwin.sim.spice.benches.bench import (
    NETLISTS,
    SPICE_CIRCUITS,
    START_TOLERANCE,
    Bench,
    Cycle,
    Failed,
    Point,
    find_netlist,
    open_bench,
)
from captwin.sim.spice.characterize import characterize, held_out
from captwin.sim.spice.netlist import PORTS, echoed
from captwin.sim.spice.ngspice import SpiceError, run_deck
from captwin.sim.spice.runner import Runner
from tests.support.needs import circuits, needs_ngspice


@pytest.fixture
def own(tmp_path):
    """Writes a changed copy of a reference netlist; its path."""

    def write(old: str, new: str):
        text = (NETLISTS / "charge_share.cir").read_text()
        assert old in text
        (tmp_path / "own.cir").write_text(text.replace(old, new))
        return tmp_path / "own.cir"

    return write


@needs_ngspice
@pytest.mark.parametrize("name", circuits(slow=("gf180mcu", "sky130")))
def test_table_of_a_coarse_grid(name, tmp_path):
    bench = open_bench(name)
    seen = []
    table = characterize(
        bench, 5, date="2026-01-31", cache=tmp_path, progress=lambda what, done, total: seen.append((what, done, total))
    )
    assert (table.circuit, table.corner, table.date, table.source_sha256) == (name, "tt", "2026-01-31", bench.sha256)
    assert seen[0] == ("grid", 0, 50) and ("grid", 50, 50) in seen
    # More drive, or a higher membrane, ends higher, unless a reset leaves nothing of it, which ngspice tells to a few
    # microvolts; a spike before pulls the membrane towards the reset.
    assert (np.diff(table.after, axis=2) > 0).all() and (np.diff(table.after[0], axis=0) > 0).all()
    assert (np.diff(table.after[1], axis=0) > -5e-6).all()
    assert (np.ptp(table.after[1], axis=0) < 0.7 * np.ptp(table.after[0], axis=0)).all()
    assert (table.energy > 1e-15).all() and (table.energy < 2e-12).all()
    finite = table.thresholds[0][np.isfinite(table.thresholds[0])]
    assert (np.diff(finite) <= 0).all() and finite[-1] < finite[0]
    check = held_out(bench, table, 20, seed=3)
    assert check.rms < 5e-3 and check.near_points == 20
    assert check.agreement >= (0.9 if name == "charge_share" else 0.4)  # near the threshold a coarse grid often errs


@needs_ngspice
def test_each_outcome_has_a_surface(tmp_path):
    """The jump where the neuron fires is between two surfaces, not in the cells of one."""
    bench = open_bench("charge_share")
    table = characterize(bench, 5, drive_points=9, date="2026-01-31", cache=tmp_path)
    assert table.surfaces.shape == (2, 2, 5, 9) and table.energy.shape == (2, 5, 9)
    jump = table.surfaces[:, 1] - table.surfaces[:, 0]
    near = np.abs(table.u - table.thresholds[:, :, None]) < 0.03
    assert near.any() and (jump[near] > 0.5e-3).all() and (jump[near] < 5e-3).all()
    errors = [held_out(bench, kind, 40, seed=3).rms for kind in (table, replace(table, surfaces=table.after))]
    assert errors[0] < 0.8 * errors[1]
    with pytest.raises(SpiceError, match="drive_points: a grid needs 2 to 1025 a side, got 1"):
        characterize(bench, 5, drive_points=1)


@needs_ngspice
def test_a_name_is_enough_for_a_reference_circuit(tmp_path):
    table, bench = characterize("charge_share", 2, cache=tmp_path), open_bench("charge_share")
    assert (table.circuit, table.source_sha256) == ("charge_share", bench.sha256)
    again = characterize(bench, 2, cache=tmp_path, date="2026-01-31")
    assert again.circuit_sha256 == table.circuit_sha256 and again.date == "2026-01-31" != table.date


@needs_ngspice
def test_spikes_are_counted_near_the_threshold_alone(tmp_path):
    """A table whose threshold is wrong by more than what is near foretells no more than the half."""
    bench = open_bench("charge_share")
    table = characterize(bench, 3, date="2026-01-31", cache=tmp_path)
    wrong = replace(table, thresholds=np.minimum(table.thresholds + 0.02, table.u[-1]))
    assert held_out(bench, wrong, 30, seed=1).agreement < 0.6 < held_out(bench, table, 30, seed=1).agreement
    never = replace(table, thresholds=np.full_like(table.thresholds, np.inf))
    check = held_out(bench, never, 5, seed=1)
    assert (check.agreement, check.near_points, check.points) == (None, 0, 5)


@needs_ngspice
def test_threshold_is_where_the_spike_begins(tmp_path):
    bench = open_bench("charge_share")
    table = characterize(bench, 3, date="2026-01-31", cache=tmp_path)
    curve = float(table.thresholds[0, 1])
    below, above = bench.simulate(
        [Point(float(table.v[1]), curve - 1e-4, False), Point(float(table.v[1]), curve, False)]
    )
    assert not below.spike and above.spike


@needs_ngspice
def test_second_run_simulates_nothing(tmp_path, monkeypatch):
    bench = open_bench("charge_share")
    first = characterize(bench, 2, date="2026-01-31", cache=tmp_path)
    (file,) = tmp_path.glob("*/cycles.txt")
    with file.open("a") as cycles:
        cycles.write("[0.5, 0.0")  # an interrupted run
    monkeypatch.setattr(module, "run_deck", lambda *_, **__: pytest.fail("simulated again"))
    again = characterize(bench, 2, date="2027-01-31", cache=tmp_path)
    assert again.circuit_sha256 == first.circuit_sha256


@needs_ngspice
def test_conditions_change_the_table(tmp_path):
    point = [Point(0.72, 0.02, False)]
    plain, hot, slow, light = (
        open_bench("charge_share", **changes).simulate(point)[0]
        for changes in (
            {},
            {"conditions": Conditions(temperature=85.0)},
            {"conditions": Conditions("ss")},
            {"c_column": 0.25e-12},
        )
    )
    for other in (hot, slow, light):
        assert abs(other.v - plain.v) > 1e-5 and other.energy != plain.energy


@needs_ngspice
def test_points_that_fail_are_named_and_the_rest_is_kept(tmp_path, monkeypatch):
    bench = open_bench("charge_share")
    whole = Bench.simulate

    def simulate(self, points):
        return [
            Failed("no reason") if p.fired and p.u > 0 else c for p, c in zip(points, whole(self, points), strict=True)
        ]

    monkeypatch.setattr(Bench, "simulate", simulate)
    with pytest.raises(
        SpiceError, match=r"2 of 8 points do not converge, or not in time: \(v = 0.5600 V, u = 0.1280 V, b = 1\), "
    ):
        characterize(bench, 2, date="2026-01-31", cache=tmp_path)
    (file,) = tmp_path.glob("*/cycles.txt")
    assert len(file.read_text().splitlines()) == 6


@needs_ngspice
def test_netlist_that_does_not_converge(own):
    # A current that chatters: it falls to nothing as soon as it has pulled the membrane below 0.8 V.
    wild = "bwild mem 0 i={v(mem) > 0.8 ? 1meg : 0}\n.ends neuron"
    bench = open_bench("own", netlist=own(".ends neuron", wild))
    low, high = bench.simulate([Point(0.6, 0.0, False), Point(0.85, 0.1, False)])
    assert isinstance(low, Cycle) and isinstance(high, Failed), (low, high)


POINTS = [Point(0.56, 0.0, False), Point(0.88, 0.0, True)]


@needs_ngspice
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        # Nothing but capacitors hangs on a node, so the operating point has no solution.
        ("cx lone 0 1f", "singular matrix: *check node xneuron.lone"),
        # Something stronger than the bench holds the membrane, the column, the latch.
        ("vhold mem 0 0.6", r"v\(mem\) starts at 0.6000 V in place of 0.5600 V"),
        ("vhold col 0 0.7", r"v\(col\) starts at 0.7000 V in place of 0.7200 V"),
        ("vhold spike_n 0 0.9", r"v\(spike_n\) starts at 0.9000 V in place of 1.8000 V"),
    ],
)
def test_a_cycle_counts_only_if_it_starts_where_it_was_told_to(own, lines, reason):
    bench = open_bench("own", netlist=own(".ends neuron", f"{lines}\n.ends neuron"))
    first, second = bench.simulate(POINTS)
    assert isinstance(first, Failed) and isinstance(second, Failed)
    assert re.search(reason, first.reason), first
    with pytest.raises(SpiceError, match=rf"2 of 2 points do not converge, or not in time: .*{reason}"):
        Runner(bench, None).cycles(POINTS, "points")


@needs_ngspice
@pytest.mark.parametrize("name", circuits())
def test_starts_of_the_reference_circuits_are_exact(name):
    bench = open_bench(name)
    p = bench.parameters
    output = run_deck(bench.deck([Point(p["v_min"], p["u_max"], True), Point(p["v_max"], p["u_min"], False)]), 60)
    for fired, (_, mem, col, spike, spike_n) in zip((True, False), echoed(output, "start", 5), strict=True):
        told = bench.held(p["v_min"] if fired else p["v_max"], fired=fired)
        assert (mem, col, spike, spike_n) == pytest.approx(tuple(told.values()), abs=START_TOLERANCE / 10)


@needs_ngspice
def test_netlist_with_an_unknown_device(own):
    netlist = own("xkeep   mem   a      vdd  vdd pch", "xkeep   mem   a      vdd  vdd tunnel")
    with pytest.raises(SpiceError, match=r"ngspice cannot use the netlist: .*tunnel"):
        open_bench("own", netlist=netlist).simulate([Point(0.72, 0.0, False)])


@needs_ngspice
def test_timeout():
    with pytest.raises(SpiceError, match="did not end within 1 s"):
        run_deck("* slow\nv1 a 0 sin(0 1 1g)\nr1 a 0 1\n.tran 1p 1m\n.control\nrun\n.endc\n.end\n", timeout=1)


@needs_ngspice
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" spike_n vdd", " vdd", "lacks the port spike_n"),
        ("neuron col mem", "neuron mem col", "in this order"),
        (".subckt neuron", ".subckt cell", "no '.subckt neuron'"),
        ("v_reset=0.70", "", "no .param v_reset"),
        ("supply=1.8", 'supply="high"', "param supply: ngspice computes no number"),
        ("supply=1.8", "supply=-1.8", "supply: expected more than 0"),
        ("v_ref=0.72", "v_ref=2", "v_ref must lie between v_min and v_max"),
        ("u_max=0.128", "u_max=-1", "u_min must lie below u_max"),
    ],
)
def test_bad_netlist(own, old, new, message):
    with pytest.raises(SpiceError, match=message):
        open_bench("own", netlist=own(old, new))


@needs_ngspice
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": Conditions("xx")}, "no corner 'xx'; its sections are"),
        ({"c_column": 0.0}, "c_column: expected more than 0"),
    ],
)
def test_bad_conditions(changes, message):
    with pytest.raises(SpiceError, match=message):
        open_bench("charge_share", **changes)


def test_conditions_of_no_circuit():
    with pytest.raises(CaptwinError, match="temperature: expected -273 to 400 deg C, got -300"):
        Conditions(temperature=-300.0)
    with pytest.raises(CaptwinError, match="corner: expected a plain name"):
        Conditions("t\nt")


def test_netlists_of_a_folder_are_found_like_ours(tmp_path):
    (tmp_path / "mine.cir").write_text((NETLISTS / "charge_share.cir").read_text())
    assert find_netlist("mine", tmp_path) == tmp_path / "mine.cir"
    assert find_netlist("charge_share") == find_netlist("charge_share", NETLISTS) == NETLISTS / "charge_share.cir"
    assert find_netlist("any", tmp_path / "mine.cir") == tmp_path / "mine.cir"
    with pytest.raises(SpiceError, match=r"the folder holds no other\.cir; its netlists are mine"):
        find_netlist("other", tmp_path)
    assert {"charge_share", "pass_transistor"} <= set(SPICE_CIRCUITS) == {path.stem for path in NETLISTS.rglob("*.cir")}


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(Exception, match="cannot read netlist"):
        open_bench("own", netlist=tmp_path / "none.cir")
    with pytest.raises(Exception, match="cannot read device models"):
        open_bench("charge_share", models=tmp_path / "none.lib")
    with pytest.raises(SpiceError, match="no netlist of that name; there are charge_share"):
        open_bench("nothing")


def test_without_ngspice(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(SpiceError, match="ngspice is not installed; try: apt-get install ngspice"):
        characterize(open_bench("charge_share"), 2, date="2026-01-31", cache=tmp_path)


def test_ports_of_the_reference_netlists():
    for name in SPICE_CIRCUITS:
        assert f".subckt neuron {' '.join(PORTS)}\n" in find_netlist(name).read_text()
