import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import circuit_names, ideal_twin, load_circuit
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
    assert table.v[0] <= table.surfaces.min() and table.surfaces.max() <= table.v[-1]
    assert table.energy is not None and (table.energy > 0).all()


def test_unknown_circuit():
    with pytest.raises(CaptwinError, match="circuit: no table file 'nothing', nor a reference circuit"):
        load_circuit("nothing")


def test_tables_of_a_folder_are_found_by_name_like_ours(tmp_path):
    small_table().save(tmp_path / "mine.json")
    for name in ("mine", "mine.json"):
        assert load_circuit(str(tmp_path / name)).circuit_sha256 == small_table().circuit_sha256
    with pytest.raises(CaptwinError, match=r"no table file .*other"):
        load_circuit(str(tmp_path / "other"))
