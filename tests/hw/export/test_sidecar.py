"""The sidecar: written and read as one, and whatever else stands in such a file refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.hw.export.sidecar import describe, read_sidecar
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.generated import kind_of
from captwin.hw.verilog import write_verilog
from tests.support.chips import random_chip

CORE = Core(random_chip(11, sizes=(6, 4, 3)), CoreOptions(trace=True, loadable=True))
SIDECAR = describe(CORE, CORE, "captwin_core")
CONTENT = json.loads(SIDECAR.text())


def test_read_as_written(tmp_path: Path) -> None:
    path = write_verilog(CORE, tmp_path / "core.v").sidecar
    assert read_sidecar(path) == SIDECAR and kind_of(path.read_bytes()) == "sidecar"
    assert SIDECAR.stores and SIDECAR.port("trace1__payload").fields


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, entry in inner for place in places(entry, (*at, key)))]


PLACES = [place for place in places(CONTENT) if place and place[0] not in ("generated", "versions", "stores")]
OTHERS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=9), st.just([]), st.just({})
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.sampled_from(PLACES), other=OTHERS)
def test_changed_ones_are_sidecars_or_refused(place: tuple[Any, ...], other: Any, tmp_path: Path) -> None:
    content = json.loads(SIDECAR.text())
    target = content
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = other
    path = tmp_path / "core.json"
    path.write_text(json.dumps(content))
    try:
        read_sidecar(path)
    except CaptwinError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error) and len(str(error)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON text"),
        ("[1]", "expected an object"),
        ("{}", "top: Field required"),
        ("[" * 5000, "nested deeper"),
        (json.dumps(CONTENT | {"more": 1}), "more: Extra inputs are not permitted"),
        (json.dumps(CONTENT | {"top": "a; $finish"}), "top: String should match pattern"),
        (json.dumps(CONTENT | {"steps": 10**9}), "steps: Input should be less than or equal"),
    ],
)
def test_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "core.json").write_text(text)
    with pytest.raises(CaptwinError, match=message) as error:
        read_sidecar(tmp_path / "core.json")
    assert "\n" not in str(error.value)
