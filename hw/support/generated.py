"""Text files that captwin writes for others to keep: each has a mark by which it is known again."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target, read_bytes, write_atomically

FORCE = "name another file, or add --force"
_DIGITS = 64
_MARK = re.compile(rb"captwin ([a-z ]+) sha256:([0-9a-f]{64})")


def blank_mark(kind: str) -> str:
    """What a text of ``kind`` (small letters and spaces: ``verilog``) must hold once, in a comment of its own."""
    return f"captwin {kind} sha256:{'0' * _DIGITS}"


def marked(text: str) -> str:
    """``text`` with its blank mark filled in: the digest of the text as it was."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    filled, count = re.subn(r"(captwin [a-z ]+ sha256:)0{64}", rf"\g<1>{digest}", text)
    assert count == 1, "a generated text has exactly one mark"
    return filled


def kind_of(content: bytes) -> str | None:
    """The kind of a generated text that nobody has changed since; None for anything else."""
    mark = _MARK.search(content)
    if mark is None:
        return None
    blank = content[: mark.start(2)] + b"0" * _DIGITS + content[mark.end(2) :]
    return mark[1].decode() if hashlib.sha256(blank).hexdigest().encode() == mark[2] else None


def check_replaceable(path: Path, kind: str, advice: str = FORCE) -> None:
    """Raises :class:`CaptwinError` if a file stands at ``path`` that is not a generated text of ``kind``, or that was
    changed since it was written."""
    if file_target(path).exists() and kind_of(read_bytes(path, f"{kind} file")) != kind:
        raise CaptwinError(f"{path}: not overwritten: this is no {kind} file as captwin writes it; {advice}")


def write_generated(files: Mapping[Path, str], *, force: bool = False, advice: str = FORCE) -> None:
    """Writes marked texts; either all targets can be replaced by their kind (or ``force`` is given), or none is.

    Raises :class:`CaptwinError` as :func:`check_replaceable` and :func:`write_atomically` do.
    """
    texts = {path: marked(text) for path, text in files.items()}
    for path, text in texts.items():
        file_target(path)
        if not force:
            check_replaceable(path, str(kind_of(text.encode())), advice)
    for path, text in texts.items():
        write_atomically(path, text)
