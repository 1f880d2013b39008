"""The conditions that a neuron is measured under, process corner and temperature: each has a table of its own."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import check_name, printable


@dataclass(frozen=True, order=True)
class Conditions:
    """Under what conditions a circuit is measured; they are called ``ss_-40`` for short.

    Raises :class:`CaptwinError` if they are none of a circuit.
    """

    corner: str = "tt"  #: section of the models file, if that has sections
    temperature: float = 27.0  #: deg C

    def __post_init__(self) -> None:
        check_name(self.corner, "corner")
        if not -273.15 < self.temperature < 400:
            raise CaptwinError(f"temperature: expected -273 to 400 deg C, got {self.temperature:g}")
        # To a thousandth, which their name has room for; and there is one zero.
        object.__setattr__(self, "temperature", round(self.temperature, 3) + 0.0)

    @property
    def name(self) -> str:
        """``CORNER_TEMPERATURE``."""
        return f"{self.corner}_{self.temperature:g}"

    @classmethod
    def of_name(cls, name: str) -> "Conditions":
        """The conditions called ``name``, such as ``ss_-40``."""
        match = re.fullmatch(r"(.+)_(-?\d+(?:\.\d+)?)", name)
        if match is None:
            raise CaptwinError(f"conditions: expected CORNER_TEMPERATURE such as ss_-40, got {printable(name)}")
        return cls(match[1], float(match[2]))

    def __str__(self) -> str:
        return f"{self.corner}, {self.temperature:g} deg C"


TYPICAL = Conditions()

#: of table files
SUFFIX = ".json"


def folder_of(table: Path) -> Path:
    """Where the tables of other conditions than that of the file ``table`` lie: ``mine`` beside ``mine.json``."""
    return table.with_suffix("")


def other_tables(table: Path) -> dict[Conditions, Path]:
    """The table files beside ``table`` that hold its circuit under other conditions, in order. Files whose names are
    none of conditions do not count."""
    tables = {}
    for path in folder_of(table).glob(f"*{SUFFIX}"):
        try:
            tables[Conditions.of_name(path.stem)] = path
        except CaptwinError:
            continue
    return dict(sorted(tables.items()))


def listed(conditions: Iterable[Conditions]) -> str:
    """``conditions`` in words, corner by corner: ``ff at -40, 27; tt at 27 deg C``."""
    corners: dict[str, list[str]] = {}
    for each in sorted(conditions):
        corners.setdefault(each.corner, []).append(f"{each.temperature:g}")
    return "; ".join(f"{corner} at {', '.join(temperatures)}" for corner, temperatures in corners.items()) + " deg C"
