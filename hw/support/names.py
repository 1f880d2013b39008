"""Names and texts from files and command lines, before they reach decks, Verilog, pages, paths or a terminal."""

import re

from captwin.hw.support.errors import CaptwinError

NAME_LENGTH = 80
#: A name begins with a letter or digit, so that it is never an option, a comment or a hidden file.
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 _.,+()-]{{0,{NAME_LENGTH - 1}}}")
RULE = f"1 to {NAME_LENGTH} ASCII letters, digits, spaces and _ . , + ( ) -, a letter or digit first"
#: what error messages quote of a value
SHOWN = 60


def check_name(value: object, what: str) -> str:
    """``value``, if it is a plain name; :class:`CaptwinError` that says ``what`` it should name if not.

    Names are safe to stand in a line of a SPICE deck, in Verilog comments, in HTML text and in file names.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value.endswith(" "):
        raise CaptwinError(f"{what}: expected a plain name ({RULE}), got {printable(value)}")
    return value


def printable(value: object, length: int = SHOWN) -> str:
    """``value`` as text of at most some ``length`` characters on one line, quoted if text: no control characters reach
    a terminal."""
    try:
        text = visible(repr(value[: length + 1]) if isinstance(value, str) else str(value))
    except ValueError:  # Python writes no integers of more than some thousand digits
        text = f"a {type(value).__name__} too long to be written"
    return text if len(text) <= length else f"{text[:length]}..."


def field_name(name: str) -> str:
    """What a file calls a field, for messages: as it is if it is a word, else quoted and :func:`printable`."""
    return name if re.fullmatch(r"[\w.-]{1,60}", name) else printable(name)


def visible(text: str) -> str:
    """``text`` with a space for each character that is not printable (Unicode's reversals of direction too)."""
    return "".join(character if character.isprintable() else " " for character in text)
