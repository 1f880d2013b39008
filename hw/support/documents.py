"""JSON and TOML text that comes from outside, read with limits on size, nesting and numbers."""

import json
import tomllib
from typing import Any

from pydantic import ValidationError

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import field_name, printable

#: deepest nesting of arrays and objects that any format of ours has is 8
NESTING = 64
#: no number of any format of ours needs more characters
NUMBER_LENGTH = 40
_LARGEST = 10**NUMBER_LENGTH


class DocumentError(CaptwinError):
    """Text is not the JSON or TOML that it should be; the message says what is wrong, without a file's name."""


def parse_json(text: bytes | str) -> Any:
    """The value of JSON ``text`` (UTF-8, a byte order mark allowed); :class:`DocumentError` if it is none.

    Duplicate keys, NaN, infinities, floats that overflow, numbers of more than 40 characters, halves of surrogate
    pairs and nesting deeper than 64 are refused.
    """
    content = _decoded(text)
    try:
        value = json.loads(
            content, parse_int=_whole, parse_float=_real, parse_constant=_refused, object_pairs_hook=_object
        )
    except RecursionError:
        raise DocumentError(f"not JSON text (nested deeper than {NESTING})") from None
    except ValueError as error:
        raise DocumentError(f"not JSON text ({error})") from None
    _check(value)
    if "\\ud" in content.lower():
        _check_surrogates(value)
    return value


def parse_toml(text: bytes | str) -> dict[str, Any]:
    """The table of TOML ``text`` under the same limits; :class:`DocumentError` if it is none."""
    content = _decoded(text)
    try:
        table = tomllib.loads(content, parse_float=_real)
    except RecursionError:
        raise DocumentError(f"not TOML text (nested deeper than {NESTING})") from None
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(f"not TOML text ({error})") from None
    except ValueError as error:  # of numbers: our own, or Python's of integers of thousands of digits
        reason = error if "digits" not in str(error) else f"a number of more than {NUMBER_LENGTH} characters"
        raise DocumentError(f"not TOML text ({reason})") from None
    _check(table)
    return table


def is_version(stated: object, version: int) -> bool:
    """Whether ``stated``, a value of JSON, is the whole number ``version``; true and 1.0 are not 1."""
    return type(stated) is int and stated == version


def first_fault(error: ValidationError) -> tuple[str, str]:
    """The field that pydantic found wrong first, with dots between its parts, and what is wrong with it; one printable
    line each, whatever a file calls its fields."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ".".join(field_name(str(part)) for part in fault["loc"]), fault["msg"].removeprefix("Value error, ")


def _decoded(text: bytes | str) -> str:
    try:
        return (text.decode() if isinstance(text, bytes) else text).removeprefix("\N{BYTE ORDER MARK}")
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 text ({error.reason} at byte {error.start})") from None


def _whole(digits: str) -> int:
    if len(digits) > NUMBER_LENGTH:
        raise ValueError(f"a number of more than {NUMBER_LENGTH} characters")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if len(digits) > NUMBER_LENGTH or value in (float("inf"), float("-inf")) or value != value:
        raise ValueError(f"no finite number of at most {NUMBER_LENGTH} characters: {printable(digits)}")
    return value


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{printable(twice)} stands twice")
    return values


def _check(value: Any) -> None:
    """Refuses deep nesting and huge integers, without recursion."""
    level, depth = [value], 0
    while level:
        if any(isinstance(entry, int) and abs(entry) >= _LARGEST for entry in level):
            raise DocumentError(f"a number of more than {NUMBER_LENGTH} characters")
        containers = [entry for entry in level if isinstance(entry, dict | list)]
        depth += bool(containers)
        if depth > NESTING:
            raise DocumentError(f"nested deeper than {NESTING}")
        level = [inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)]


def _check_surrogates(value: Any) -> None:
    """Refuses texts that are no Unicode, which escapes can spell; ``value`` is not nested deeply."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DocumentError("a text with half a surrogate pair") from None
