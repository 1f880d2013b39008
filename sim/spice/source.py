"""SPICE files as one text that needs no other file and gives ngspice no orders.

ngspice runs whatever stands in a ``.control`` block, or behind ``*#``, of any file that it includes, shell commands
among it. So files are put together here, before ngspice sees them: what they include stands in its place, comments are
gone, and a line that could be an order, or is none that a circuit needs, is refused.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import printable
from captwin.sim.spice.ngspice import SpiceError

#: bytes of the largest file, characters of the longest text, and most files that one text is put together from
FILE_LIMIT, TEXT_LIMIT, MOST_FILES = 1 << 26, 1 << 27, 5_000
#: dot commands that describe a circuit; analyses, outputs and orders are the bench's
ALLOWED = {"param", "params", "func", "subckt", "ends", "macro", "eom", "model", "global", "connect"}
ALLOWED |= {"option", "options", "opt", "opts", "if", "elseif", "else", "endif", "ic", "nodeset"}
ALLOWED |= {"prot", "protect", "unprot", "unprotect"}
#: code models that read, write or run things beside the deck
_OUTSIDE = re.compile(
    r"(?<![\w.])(filesource|file_source|d_source|d_state|d_process|d_cosim|table2d|table3d|numd|nbjt2?|numos)(?![\w.])",
    re.IGNORECASE,
)
_NAME = r"""(?:'(?P<{0}1>[^']+)'|"(?P<{0}2>[^"]+)"|(?P<{0}3>[^\s'";$]+))"""
_GAP = r"(?:\s+|(?=['\"]))"
_END = r"\s*(?:[;$].*|//.*)?"
_INCLUDE = re.compile(rf"\.inc(?:l|lude)?{_GAP}{_NAME.format('file')}{_END}", re.IGNORECASE)
_REFERENCE = re.compile(rf"\.lib{_GAP}{_NAME.format('file')}{_GAP}{_NAME.format('section')}{_END}", re.IGNORECASE)
_SECTION = re.compile(rf"\.lib\s+{_NAME.format('section')}{_END}", re.IGNORECASE)
_SUBCIRCUIT = re.compile(r"^\.(subckt|macro|ends|eom)\b[^\S\n]*(\S*)", re.IGNORECASE | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Source:
    """What a file, and all that it includes, says."""

    raw: str  #: the file's own text
    text: str  #: all of it in one, comments left out, for ngspice
    included: dict[Path, str]  #: the texts of the other files that it is made of


def read_source(path: Path, what: str, section: str | None = None) -> Source:
    """Reads ``path``, or only its library section ``section`` if it has sections at all, and what that includes.

    Raises :class:`SpiceError` naming file and line if a file is missing, no text, too large, or gives orders.
    """
    reader = _Reader(what)
    raw = reader.file(path)
    lines = reader.lines(path)
    if section is not None and (sections := _sections(lines)):
        if section.lower() not in (name.lower() for name in sections):
            raise SpiceError(f"{path}: no corner {section!r}; its sections are {', '.join(sections)}")
        lines = _section(path, lines, section)
    text = "\n".join(reader.expand(path, lines, (path.resolve(),)))
    _check_closed(path, text)
    return Source(raw, text, {file: text for file, text in reader.texts.items() if file != path.resolve()})


def expand_text(text: str, folder: Path, what: str) -> str:
    """``text`` as if a file of ``folder`` held it, with all that it includes; raises as :func:`read_source` does."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    return "\n".join(_Reader(what).expand(folder / what, lines, ()))


class _Reader:
    """Puts one text together; keeps the files that it has read."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.texts: dict[Path, str] = {}
        self.characters = self.files = 0

    def file(self, path: Path) -> str:
        """The text of a file, UTF-8 or else Latin-1, lines ending in a newline."""
        resolved = path.resolve()
        if resolved not in self.texts:
            data = read_bytes(path, self.what, FILE_LIMIT).removeprefix(b"\xef\xbb\xbf")
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = data.decode("latin-1")  # every byte is a letter there; only comments have such letters
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            if strange := _CONTROL.search(text):
                line = text.count("\n", 0, strange.start()) + 1
                raise SpiceError(f"{path}, line {line}: no SPICE text, it holds the character {strange[0]!r}")
            self.texts[resolved] = text
        return self.texts[resolved]

    def lines(self, path: Path) -> list[tuple[int, str]]:
        """Lines of a file with their numbers, blanks around them gone."""
        return [(number, line.strip()) for number, line in enumerate(self.file(path).split("\n"), 1)]

    def expand(self, path: Path, lines: Sequence[tuple[int, str]], chain: tuple[Path, ...]) -> Iterator[str]:
        """``lines`` of ``path`` with all that they include, which ``chain`` of files led to."""
        for number, line in lines:
            place, command = f"{path}, line {number}", line.lower()
            if not line or command == ".end" or re.match(r"[*#$;]|//|\.end\s|\.title\b", command):
                continue
            self.characters += len(line)
            if self.characters > TEXT_LIMIT:
                raise SpiceError(f"{place}: more than {TEXT_LIMIT:,} characters are included, in a circle?")
            if command.startswith(".inc"):
                match = _INCLUDE.fullmatch(line)
                if match is None:
                    raise SpiceError(f"{place}: cannot read {printable(line)}; write .include 'FILE'")
                file = self.find(path, place, _named(match, "file"))
                yield from self.enter(file, self.lines(file), place, chain)
            elif command.startswith(".lib"):
                match = _REFERENCE.fullmatch(line)
                if match is None:
                    raise SpiceError(f"{place}: cannot use {printable(line)} here; write .lib 'FILE' SECTION")
                file = self.find(path, place, _named(match, "file"))
                section = _section(file, self.lines(file), _named(match, "section"))
                yield from self.enter(file, section, place, chain, library=True)
            else:
                _check(place, line)
                # ngspice takes '+#' for the order '*#'.
                yield f"+ {line[1:]}" if line.startswith("+") else line

    def enter(
        self,
        file: Path,
        lines: Sequence[tuple[int, str]],
        place: str,
        chain: tuple[Path, ...],
        *,
        library: bool = False,
    ) -> Iterator[str]:
        """The text of ``lines`` of ``file`` in ``place``; a library may refer to other sections of itself."""
        self.files += 1
        circle = not library and file.resolve() in chain
        if circle or len(chain) > 64 or self.files > MOST_FILES:
            raise SpiceError(f"{place}: {file.name} includes itself, or too many files are included")
        yield from self.expand(file, lines, (*chain, file.resolve()))

    def find(self, path: Path, place: str, name: str) -> Path:
        """The file that ``path`` calls ``name``: beside it, or beside the file that it is a link to."""
        for folder in (path.parent, path.resolve().parent):
            if os.path.exists(folder / name):  # noqa: PTH110 - Path.exists raises for names that are too long
                return folder / name
        raise SpiceError(f"{place}: no file {printable(name)} beside it; mend the path")


def _check(place: str, line: str) -> None:
    """Raises :class:`SpiceError` unless ``line`` is one of a circuit."""
    word = re.match(r"\.([^\s(='\"{]*)", line.lower())
    if word and word[1] in ("control", "endc"):
        raise SpiceError(
            f"{place}: .{word[1]}: ngspice's orders are not run from files, they can do anything to this machine;"
            " take the block out, or run the file yourself: ngspice -b FILE"
        )
    if word and word[1] == "temp":
        raise SpiceError(f"{place}: .temp: leave it out and give --temperature")
    if word and word[1] not in ALLOWED:
        raise SpiceError(f"{place}: .{word[1]}: not a part of a circuit; leave it out, the bench has its own analyses")
    if outside := _OUTSIDE.search(line):
        raise SpiceError(f"{place}: {outside[1]}: devices that use files or programs are not taken; leave it out")


def _check_closed(path: Path, text: str) -> None:
    """Raises :class:`SpiceError` that names the first subcircuit of ``text`` that does not end; ngspice tells only of
    what goes wrong behind it."""
    opened: list[str] = []
    for begin, name in _SUBCIRCUIT.findall(text):
        if begin.lower() in ("subckt", "macro"):
            opened.append(name)
        elif opened:
            opened.pop()
        else:
            raise SpiceError(f"{path}: .{begin} {name}".rstrip() + ": no .subckt stands before it; take it out")
    if opened:
        raise SpiceError(f"{path}: .subckt {printable(opened[-1])[1:-1]} has no .ends; write it after its last element")


def _named(match: re.Match[str], group: str) -> str:
    return next(name for name in (match[f"{group}{n}"] for n in (1, 2, 3)) if name is not None)


def _sections(lines: Sequence[tuple[int, str]]) -> list[str]:
    matches = (_SECTION.fullmatch(line) for _, line in lines)
    return [_named(match, "section") for match in matches if match]


def _section(path: Path, lines: Sequence[tuple[int, str]], name: str) -> list[tuple[int, str]]:
    """The lines between ``.lib name`` and ``.endl``."""
    first = None
    for place, (_, line) in enumerate(lines):
        match = _SECTION.fullmatch(line)
        if first is None and match and _named(match, "section").lower() == name.lower():
            first = place + 1
        elif first is not None and line.lower().startswith(".endl"):
            return list(lines[first:place])
    if first is None:
        known = ", ".join(_sections(lines)) or "none"
        raise SpiceError(f"{path}: no section {printable(name)}; its sections are {known}")
    raise SpiceError(f"{path}: section {printable(name)} has no .endl")
