"""Texts that captwin knows again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.generated import blank_mark, kind_of, marked, write_generated


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="0")), st.integers(0, 400))
def test_known_again_until_a_letter_changes(text: str, place: int) -> None:
    whole = marked(f"{text}\n// {blank_mark('verilog')}\n{text}").encode()
    assert kind_of(whole) == "verilog"
    place %= len(whole)
    assert kind_of(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]) is None
    assert kind_of(whole + b"\n") is None and kind_of(text.encode()) is None


def test_replaced_by_their_own_kind_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a.v", tmp_path / "a.json"
    old, new = (f"{word} {blank_mark('verilog')}" for word in ("old", "new"))
    write_generated({first: old})
    write_generated({first: new})
    assert first.read_text().startswith("new")
    with pytest.raises(CaptwinError, match=r"a\.v: not overwritten: .*--force"):
        write_generated({first: blank_mark("sidecar")})
    second.write_text("a user's")
    with pytest.raises(CaptwinError, match=r"a\.json: not overwritten"):
        write_generated({first: old, second: blank_mark("sidecar")})
    assert first.read_text().startswith("new") and second.read_text() == "a user's"  # all of them or none
    first.write_text(first.read_text() + "// edited\n")
    with pytest.raises(CaptwinError, match="not overwritten"):
        write_generated({first: old})
    write_generated({first: old}, force=True)
    assert kind_of(first.read_bytes()) == "verilog"
