import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.neurons.circuits import (
    circuit_conditions,
    circuit_names,
    ideal_twin,
    load_circuit,
    on_circuit,
    under_conditions,
)
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.neurons.verdict import judge, require_usable
from tests.support.circuit_chips import circuit_chip, reference_table
from tests.support.corners import SHIFTS, save_tables, shifted
from tests.support.tables import small_table


def test_ideal_twin_follows_the_first_order_equation():
    table = ideal_twin(small_table())
    a = table.share
    v, u = np.meshgrid(table.v, table.u, indexing="ij")
    rest = table.v_rest
    assert np.allclose(table.surfaces[0], rest + (1 - a) * (v - rest) + a * u, atol=1e-12)
    assert np.allclose(table.surfaces[1], rest + a * u, atol=1e-12)
    assert table.energy is None


@pytest.mark.parametrize("name", circuit_names())
def test_ideal_twin_fires_from_rest_as_its_circuit_does_and_always_at_one_level(name):
    circuit = load_circuit(name)
    twin = ideal_twin(circuit)
    at_rest = [float(np.interp(t.v_rest, t.v, t.thresholds[0])) for t in (circuit, twin)]
    assert at_rest[0] == pytest.approx(at_rest[1], abs=1e-6)
    a = twin.share
    curve = twin.thresholds[0]
    inside = np.isfinite(curve) & (curve > twin.u[0])
    levels = (1 - a) * (twin.v - twin.v_rest) + a * curve
    assert np.ptp(levels[inside]) < 1e-12 and inside.sum() > 3


def test_ideal_twin_of_a_neuron_that_cannot_fire_from_rest():
    with pytest.raises(CaptwinError, match="no drive of the table makes the neuron spike from rest"):
        ideal_twin(small_table(level=0.2))


@pytest.mark.parametrize("name", circuit_names())
def test_reference_tables_stay_within_their_axis_where_networks_work(name):
    table = load_circuit(name)
    assert judge(table).membranes_outside == 0
    assert table.energy is not None and (table.energy > 0).all()


@pytest.mark.parametrize("name", circuit_names())
def test_reference_circuits_work_under_all_conditions_that_they_were_measured_at(name):
    own = load_circuit(name)
    for conditions in circuit_conditions(name):
        table = load_circuit(name, conditions.corner, conditions.temperature)
        require_usable(table)
        for axis in (lambda each: each.u[[0, -1]], lambda each: each.v[[0, -1]] - each.v_rest):
            assert axis(table) == pytest.approx(axis(own), abs=1e-6)


def test_unknown_circuit():
    with pytest.raises(CaptwinError, match="circuit: no table file 'nothing', nor a reference circuit"):
        load_circuit("nothing")


def test_tables_of_a_folder_are_found_by_name_like_ours(tmp_path):
    small_table().save(tmp_path / "mine.json")
    for name in ("mine", "mine.json"):
        assert load_circuit(str(tmp_path / name)).circuit_sha256 == small_table().circuit_sha256
    with pytest.raises(CaptwinError, match=r"no table file .*other"):
        load_circuit(str(tmp_path / "other"))
    (tmp_path / "mine").mkdir()
    assert load_circuit(str(tmp_path / "mine")).circuit == "small"


def test_tables_of_other_conditions_lie_beside_their_circuits(tmp_path):
    save_tables(tmp_path / "mine.json")
    (tmp_path / "mine/notes.json").write_text("{}")
    for name in ("mine", "mine.json"):
        mine = str(tmp_path / name)
        assert circuit_conditions(mine) == (TYPICAL, *SHIFTS)
        assert load_circuit(mine) is not None and load_circuit(mine, "tt", 27.0).v_rest == 0.75
        for conditions, (_, rest) in SHIFTS.items():
            table = load_circuit(mine, conditions.corner, conditions.temperature)
            assert (table.corner, table.temperature) == (conditions.corner, conditions.temperature)
            assert table.v_rest == 0.75 + rest
        # What is not given is as in the circuit's own table.
        assert load_circuit(mine, corner="ss").temperature == 27.0
    known = "there are ff at 125; ss at -40, 27; tt at 27 deg C"
    with pytest.raises(CaptwinError, match=f"mine: no table for ff, 27 deg C; {known}"):
        load_circuit(str(tmp_path / "mine"), corner="ff")
    with pytest.raises(CaptwinError, match="charge_share: no table for ss, 27 deg C; there are "):
        load_circuit("charge_share", corner="ss")


def test_a_table_in_the_wrong_place_is_told(tmp_path):
    save_tables(tmp_path / "mine.json").save(tmp_path / "mine/ss_27.json")
    with pytest.raises(CaptwinError, match="holds small at tt, 27 deg C; its name and place promise small at ss, 27"):
        load_circuit(str(tmp_path / "mine"), corner="ss")


@pytest.mark.parametrize("name", ["tt", "tt_", "_27", "tt_hot", "tt_-300", "a/b_27", "tt_1e3"])
def test_names_that_are_none_of_conditions(name):
    with pytest.raises(CaptwinError):
        Conditions.of_name(name)


@pytest.mark.parametrize("conditions", [Conditions("s_s", -40.0), Conditions("tt", 27.5), Conditions()])
def test_conditions_have_names(conditions):
    assert Conditions.of_name(conditions.name) == conditions


def test_a_chip_at_another_corner(tmp_path):
    """It fires less where the threshold is higher; the same table with another rest is the same chip in other volts."""
    save_tables(tmp_path / "mine.json", reference_table())
    chip, mine = circuit_chip(1), str(tmp_path / "mine")
    assert under_conditions(chip, circuit=mine).build_id == chip.build_id
    pixels = np.random.default_rng(1).integers(0, 256, (50, 12)).astype(np.uint8)

    def spikes(some) -> int:
        return sum(int(trace.spikes.sum()) for trace in golden.run(some, pixels, trace=True).traces)

    slow = under_conditions(chip, "ss", -40, circuit=mine)
    fast = under_conditions(chip, "ff", 125, circuit=mine)
    assert spikes(slow) < spikes(chip) < spikes(fast)
    assert (slow.analog.corner, slow.analog.temperature) == ("ss", -40.0)
    assert (slow.layers[0].charges == chip.layers[0].charges).all()
    moved = on_circuit(chip, shifted(reference_table(), Conditions("ss"), threshold=0.0, rest=-0.0625))
    assert moved.layers[0].scale.v_min == reference_table().v[0] - 0.0625 and moved.build_id == chip.build_id


def test_a_chip_runs_on_a_table_of_its_own_drives_only(tmp_path):
    small_table().save(tmp_path / "mine.json")
    with pytest.raises(CaptwinError, match=r"layers.0: its drives go from -0.128 to 0.128 V, those of the table of sm"):
        under_conditions(circuit_chip(1), circuit=str(tmp_path / "mine.json"))
    ideal = on_circuit(circuit_chip(1), ideal_twin(reference_table()))
    with pytest.raises(CaptwinError, match="made for ideal twin of charge_share, which is no reference circuit; name"):
        under_conditions(ideal)


def test_conditions_that_have_one_name_are_equal():
    assert Conditions("tt", 27.123456) == Conditions("tt", 27.1234) != Conditions("tt", 27.124)
    assert Conditions("tt", -0.0).name == "tt_0" and Conditions.of_name("tt_27.123") == Conditions("tt", 27.1231)
