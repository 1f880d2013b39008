"""Records of what was simulated: damaged ones are not believed, and none are needed."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.sim.spice.memory import Memory

RECORDS = [[0.5, -1e-9, 1, 0.25, True, 3.5e-13], [0.75, 0.0, 0, 0.5, False, 4.0e-13]]


@pytest.fixture
def memory(tmp_path):
    memory = Memory(tmp_path / "a" / "cycles.txt", width=6)
    memory.add(RECORDS)
    return memory


def test_records_come_back(memory):
    assert list(memory.read()) == RECORDS
    memory.add(RECORDS[:1])
    assert list(memory.read()) == [*RECORDS, RECORDS[0]]
    assert list(Memory(None, width=6).read()) == []


def test_altered_numbers_are_not_believed(memory):
    text = memory.file.read_text()
    assert "0.25" in text
    memory.file.write_text(text.replace("0.25", "0.26"))
    assert list(memory.read()) == [RECORDS[1]]


def test_records_of_another_form_are_none(memory):
    Memory(memory.file, width=2).add([["key", 1]])
    assert list(memory.read()) == RECORDS


def test_half_a_line_spoils_no_other(memory):
    whole = memory.file.read_bytes()
    memory.file.write_bytes(whole[:-10])
    memory.add(RECORDS[1:])
    assert list(memory.read()) == RECORDS


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_makes_a_record(memory, data):
    whole = memory.file.read_bytes()
    try:
        place = data.draw(st.integers(0, len(whole) - 1))
        other = data.draw(st.binary(max_size=3))
        memory.file.write_bytes(whole[:place] + other + whole[place + data.draw(st.integers(0, 3)) :])
        assert all(record in RECORDS for record in memory.read())
    finally:
        memory.file.write_bytes(whole)


def unwritable(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no folder")
    return tmp_path / "file" / "cycles.txt"


def test_a_cache_that_cannot_be_written_costs_one_warning(tmp_path, caplog):
    memory = Memory(unwritable(tmp_path), width=6)
    with caplog.at_level(logging.WARNING, "captwin"):
        memory.add(RECORDS)
        memory.add(RECORDS)
    (warning,) = caplog.messages
    assert "cannot write" in warning and "CAPTWIN_CACHE" in warning and "\n" not in warning
    assert list(memory.read()) == []


def test_a_cache_that_cannot_be_read_costs_one_warning(tmp_path, caplog):
    (tmp_path / "cycles.txt").mkdir()
    memory = Memory(tmp_path / "cycles.txt", width=6)
    assert list(memory.read()) == [] and len(caplog.messages) == 1
    memory.add(RECORDS)
    assert len(caplog.messages) == 1


def test_records_are_one_line_each(memory):
    lines = memory.file.read_text().splitlines()
    assert [json.loads(line.partition(" ")[2]) for line in lines] == RECORDS
