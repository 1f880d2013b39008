import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.sim.neurons.table import MOST_POINTS, NeuronTable, TableError
from captwin.sim.neurons.verdict import judge
from tests.support.tables import small_table


@pytest.fixture
def content(tmp_path):
    path = tmp_path / "table.json"
    small_table().save(path)
    return json.loads(path.read_text())


@pytest.mark.parametrize("name", circuit_names())
def test_file_holds_the_whole_table(name, tmp_path):
    table = load_circuit(name)
    table.save(tmp_path / "table.json")
    again = load_circuit(str(tmp_path / "table.json"))
    assert again.circuit_sha256 == table.circuit_sha256
    assert again.date == table.date
    for field in ("v", "u", "surfaces", "thresholds", "energy"):
        assert np.array_equal(getattr(again, field), getattr(table, field)), field


def test_four_surfaces(tmp_path):
    """The outcome chooses the surface, and between points nothing is blurred by the jump."""
    table, plain = small_table(jump=0.03), small_table()
    table.save(tmp_path / "table.json")
    again = load_circuit(str(tmp_path / "table.json"))
    assert np.array_equal(again.surfaces, table.surfaces) and again.circuit_sha256 != plain.circuit_sha256
    rng = np.random.default_rng(1)
    v, u, fired = rng.uniform(0.5, 1.0, 500), rng.uniform(-0.1, 0.1, 500), rng.random(500) < 0.5
    spikes = table.fires(v, u, fired)
    assert 0.1 < spikes.mean() < 0.9
    np.testing.assert_allclose(table.step(v, u, fired), plain.step(v, u, fired) + 0.03 * spikes, atol=1e-12)
    np.testing.assert_allclose(
        table.step(v, u, fired, spikes=~spikes), plain.step(v, u, fired) + 0.03 * ~spikes, atol=1e-12
    )
    b, at, drive = np.meshgrid([False, True], table.v, table.u, indexing="ij")
    np.testing.assert_allclose(table.after, table.step(at, drive, b), atol=1e-12)
    assert plain.after is plain.surfaces


def test_thresholds_that_never_fire_are_null(content):
    assert content["thresholds"][0][0] is None
    assert isinstance(content["thresholds"][0][-1], float)


def test_hash_knows_content_but_not_date(content, tmp_path):
    def hash_of(**changes):
        path = tmp_path / "changed.json"
        path.write_text(json.dumps(content | changes))
        return NeuronTable.load(path).circuit_sha256

    assert hash_of() == hash_of(date="1999-01-01")
    assert hash_of() != hash_of(temperature=85.0)
    assert hash_of() != hash_of(c_column=1e-12)


def _set(path, value):
    def change(content):
        target = content
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(["version"], 99), "version: this captwin reads version 2, the file has 99"),
        (_set(["version"], 2.0), "version: this captwin reads version 2, the file has 2.0"),
        (_set(["format"], "other"), "format: expected 'captwin-neuron-table'"),
        (_set(["v", 3], 0.0), "v: an axis must rise; point 3"),
        (_set(["u", 2], None), "u: hole, NaN or infinity at [2]"),
        (_set(["surfaces", 1, 2, 3], None), "surfaces: hole, NaN or infinity at [1, 2, 3]"),
        (_set(["surfaces", 1, 2, 3], float("nan")), "not JSON text (NaN is no number of JSON)"),
        (_set(["surfaces", 1, 2], [0.0]), "surfaces: expected a regular array"),
        (_set(["surfaces"], "none"), "surfaces: expected a regular array"),
        (_set(["surfaces"], None), "surfaces: expected numbers, got null"),
        (_set(["thresholds"], [[0.0], [0.0]]), "thresholds: expected shape (2, 9)"),
        (_set(["thresholds", 0, 0], float("-inf")), "not JSON text (-Infinity is no number of JSON)"),
        (_set(["energy", 0, 0, 0], None), "energy: hole"),
        (_set(["energy"], [1.0]), "energy: expected shape (2, 9, 9)"),
        (_set(["c_column"], 0.0), "c_column: expected 1e-18 to 1e-06 F, got 0"),
        (_set(["c_membrane"], "2p"), "c_membrane: expected a number, got '2p'"),
        (_set(["temperature"], None), "temperature: expected a number, got None"),
        (_set(["circuit"], 5), "circuit: expected a plain name"),
        (_set(["circuit"], "x\n.control\nshell touch mark\n.endc\n*"), "circuit: expected a plain name"),
        (_set(["corner"], "\x1b[2J"), "corner: expected a plain name"),
        (_set(["source_sha256"], "<script>"), "source_sha256: expected a plain name"),
        (_set(["date"], "yesterday"), "date: expected an ISO 8601 date"),
        (_set(["supply"], 1e308), "supply: expected 0.001 to 100 V, got 1e+308"),
        (_set(["supply"], 10**400), "not JSON text (a number of more than 40 characters)"),
        (_set(["supply"], True), "supply: expected a number, got True"),
        (_set(["supply"], 10**39), "supply: expected 0.001 to 100 V"),
        (_set(["u", 8], 1e300), "u: expected -1000 to 1000 V, got 1e+300 at [8]"),
        (_set(["surfaces", 0, 0, 0], -1e9), "surfaces: expected -1000 to 1000 V, got -1e+09 at [0, 0, 0]"),
        (_set(["thresholds", 0, 5], 1e9), "thresholds: expected -1000 to 1000 V, got 1e+09 at [0, 5]"),
        (_set(["energy", 0, 0, 0], 1e9), "energy: expected -1 to 1 J"),
        (_set(["\x1b[31m"], 1), "'\\x1b[31m': unknown field"),
        (_set(["v_rest"], 5.0), "v_rest: 5.0 V lies outside"),
        (_set(["colour"], 5.0), "colour: unknown field"),
        (lambda content: content.pop("supply"), "supply: missing"),
        (lambda content: content.pop("surfaces"), "surfaces: missing"),
        (_set(["surfaces"], [[[[0.7] * 9] * 9] * 3] * 2), "surfaces: expected shape (2, 2, 9, 9) from the axes"),
    ],
)
def test_bad_field_is_named_in_one_line(content, change, message, tmp_path):
    path = tmp_path / "bad.json"
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(TableError) as caught:
        NeuronTable.load(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"supply": ' + "9" * 5000 + "}", "not JSON text"),
        ("[" * 100_000, "nested deeper"),
        ('{"a": ' * 100 + "1" + "}" * 100, "nested deeper than 64"),
        ('{"v": 1, "v": 2}', "'v' stands twice"),
        ('{"supply": 1e999}', "no finite number"),
    ],
)
def test_text_that_would_overflow_is_one_line(tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        NeuronTable.load(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)


WHOLE = [
    json.dumps({"format": "captwin-neuron-table", "version": 2, **small_table(3, jump=jump)._plain()}).encode()
    for jump in (None, 0.03)
]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_are_tables_or_one_line(tmp_path, data):
    content = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        pieces = st.sampled_from(
            [b"1e308", b"-", b"null", b"[", b"]]", b"{", b"NaN", b"9" * 50, b"\\ud800", b"\x1b", b'"']
        )
        content[place : place + data.draw(st.integers(0, 6))] = data.draw(st.one_of(pieces, st.binary(max_size=3)))
        if not content:
            break
    (tmp_path / "table.json").write_bytes(content)
    try:
        table = NeuronTable.load(tmp_path / "table.json")
    except TableError as error:
        assert str(error).isprintable()
    else:
        assert judge(table) and np.isfinite(table.surfaces).all()


def test_axes_are_bounded():
    table = small_table(MOST_POINTS)
    assert len(table.v) == MOST_POINTS
    with pytest.raises(TableError, match=f"v: an axis needs 2 to {MOST_POINTS} points"):
        small_table(MOST_POINTS + 1)


def test_byte_order_mark_is_no_fault(content, tmp_path):
    (tmp_path / "table.json").write_text("\N{BYTE ORDER MARK}" + json.dumps(content))
    assert NeuronTable.load(tmp_path / "table.json").circuit == "small"


def test_energy_may_be_missing(content, tmp_path):
    del content["energy"]
    (tmp_path / "table.json").write_text(json.dumps(content))
    assert NeuronTable.load(tmp_path / "table.json").energy is None


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"', "\x00\xff"])
def test_file_that_is_no_table(text, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(TableError, match=r"^\S+bad.json: "):
        NeuronTable.load(path)


def test_rounded_to_what_is_meant():
    table = small_table()
    exact = replace(table, surfaces=table.surfaces + 1.23456789e-6, energy=table.energy * 1.23456789)
    rounded = exact.rounded()
    assert np.abs(rounded.surfaces - exact.surfaces).max() <= 0.5001e-7
    assert np.allclose(rounded.energy, exact.energy, rtol=5e-5) and rounded.energy[0, 0, 0] == 1.2346e-13
    assert (np.isinf(rounded.thresholds) == np.isinf(table.thresholds)).all()
    assert rounded.rounded().circuit_sha256 == rounded.circuit_sha256
    assert replace(table, energy=None).rounded().energy is None
