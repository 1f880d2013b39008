"""What a section of the page is made of; nothing here is HTML, except the drawings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Cell:
    """One entry of a table. Shares are fractions of 1."""

    text: str
    heat: float | None = None  #: share that tints it
    wrong: bool = False  #: whether a large share is bad
    bar: float | None = None  #: share that a bar beside it shows
    code: bool = False  #: a name from the sources or the command line


@dataclass(frozen=True)
class Table:
    """Columns whose heading begins with ``>`` hold numbers."""

    head: tuple[str, ...]
    rows: Sequence[tuple[Cell | str, ...]]
    caption: str = ""
    grid: bool = False  #: whether tinted cells are all of one width
    kind: ClassVar[str] = "table"

    def cells(self) -> list[list[Cell]]:
        return [[Cell(entry) if isinstance(entry, str) else entry for entry in row] for row in self.rows]


@dataclass(frozen=True)
class Facts:
    """Labels and what is to be said to each."""

    facts: Sequence[tuple[str, str]]
    dense: bool = False  #: side by side, as many as fit
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Drawing:
    """An SVG, and what is to be seen in it."""

    svg: str
    caption: str
    kind: ClassVar[str] = "drawing"


@dataclass(frozen=True)
class Note:
    """A paragraph."""

    text: str
    bad: bool = False
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    points: Sequence[str]
    caption: str = ""
    kind: ClassVar[str] = "points"


@dataclass(frozen=True)
class Commands:
    """Lines for a terminal."""

    lines: Sequence[str]
    kind: ClassVar[str] = "commands"


Block = Table | Facts | Drawing | Note | Points | Commands


@dataclass(frozen=True)
class Section:
    """A part of the page; ``name`` is its anchor."""

    name: str
    title: str
    lead: str  #: its message, in a sentence
    blocks: Sequence[Block]
