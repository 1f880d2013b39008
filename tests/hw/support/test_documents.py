"""JSON and TOML from outside: what is taken equals the standard readers' value, what is not is refused in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.support.documents import NESTING, DocumentError, parse_json, parse_toml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_the_standard_library_reads_it(value: object) -> None:
    assert parse_json(json.dumps(value)) == json.loads(json.dumps(value))
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(value).encode()) == json.loads(json.dumps(value))


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_else_is_refused_in_one_line(text: bytes | str) -> None:
    for parse in (parse_json, parse_toml):
        try:
            parse(text)
        except DocumentError as error:
            assert "\n" not in str(error) and str(error).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 41, "1" * 5000, "0." + "3" * 5000),
        *(
            '{"a": 1, "a": 2}',
            "[" * (NESTING + 1) + "]" * (NESTING + 1),
            "[" * 100_000,
            '{"a":' * 100_000,
            "",
            r'"\ud800"',
            r'{"\uDFFF": 1}',
        ),
    ],
)
def test_hostile_json(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200 and "sys." not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("a = nan", "a = inf", "a = 1e999", "a = " + "1" * 5000, "a = 0x" + "f" * 5000, "a = 0b" + "1" * 5000),
        *("a = " + "[" * (NESTING + 1) + "]" * (NESTING + 1), "a = " + "[" * 100_000, "a = 1\na = 2", "\x00"),
        ".".join("a" * 3000) + " = 1",
    ],
)
def test_hostile_toml(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_toml(text)
    assert len(str(caught.value)) < 300 and "sys." not in str(caught.value)


def test_digits_in_strings_are_no_numbers() -> None:
    assert parse_toml('a = "' + "1" * 50 + '"') == {"a": "1" * 50}
