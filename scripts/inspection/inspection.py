"""What is told of a file, and how its kind is known."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from matplotlib.figure import Figure

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.scripts.terminal.output import Row
from captwin.sim.neurons.circuits import circuit_names
from captwin.train.zoo import names


@dataclass(frozen=True)
class Inspection:
    """Rows for people and machines, and pictures by the names of their files, drawn when they are wanted."""

    title: str
    rows: list[Row]
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)


def surfaces_row(by_outcome: bool) -> Row:
    """How many membrane surfaces a neuron has, and what chooses one."""
    if by_outcome:
        return Row("surfaces", 4, "membrane surfaces", "4, by the spike before and the cycle's own")
    return Row("surfaces", 2, "membrane surfaces", "2, by the spike before")


class Kind(Enum):
    """What a file holds."""

    CHIP = "a chip"
    TABLE = "a neuron table"
    NETLIST = "a netlist"


def kind_of(name: str) -> Kind:
    """The kind of the file ``name``, by its content, or of the pre-trained chip or reference circuit of that name.

    Raises :class:`CaptwinError` if there is none, or if it holds something else.
    """
    if name in names():
        return Kind.CHIP
    if name in circuit_names():
        return Kind.TABLE
    if not Path(name).exists():
        known = ", ".join([*names(), *circuit_names()])
        raise CaptwinError(f"{name}: no such file; chips and circuits with a name are {known}")
    content = read_bytes(Path(name), "file")
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return Kind.TABLE
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= len(content) - 8:
        return Kind.CHIP
    if re.search(rb"^[ \t]*\.subckt\b", content, re.MULTILINE | re.IGNORECASE):
        return Kind.NETLIST
    raise CaptwinError(
        f"{name}: holds no chip (safetensors), no neuron table (JSON) and no netlist (.subckt neuron); name one"
    )
