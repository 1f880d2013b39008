"""How much hardware a core may spend."""

from dataclasses import replace
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from captwin.hw.support.errors import CaptwinError

#: the most pixel lanes, row banks and lanes; and the most pixel lanes of a real-time core
LARGEST, LARGEST_REAL_TIME = 64, 1024
#: the kinds of layers, from the most hardware to the least, each with the options that size it beside ``pixel_lanes``;
#: those that it does not have are 1. :data:`captwin.hw.gates.kinds.KINDS` has the gates of each.
SIZED_BY: dict[str, tuple[str, ...]] = {"real_time": (), "parallel": ("row_banks", "lanes"), "serial": ()}
#: kinds that not every chip can have: no search tries them
ON_REQUEST = ("real_time",)
#: the kind of a core that asks for no other; each other kind is selected by the option of its name
DEFAULT_KIND = "parallel"


def kind_word(kind: str) -> str:
    """A kind of layers as it is called in sentences and on the command line."""
    return kind.replace("_", "-")


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class CoreOptions:
    """How much hardware to spend; the answers never depend on it. All numbers are powers of two up to LARGEST, the
    ``pixel_lanes`` of a real-time core up to LARGEST_REAL_TIME.

    A tuple gives a number for each layer, the first layer first. :class:`CaptwinError` names a number that is refused.

    >>> captwin.CoreOptions(row_banks=(4, 1), loadable=True).each("row_banks", 2)
    (4, 1)
    """

    #: pixels taken and encoded a cycle
    pixel_lanes: int = 8
    #: weight memories of each crossbar: row events taken a cycle
    row_banks: int | tuple[int, ...] = 1
    #: neurons updated a cycle
    lanes: int | tuple[int, ...] = 4
    #: one more stream a layer, with every sum, drive, membrane and spike
    trace: bool = False
    #: a port to write other chips into the memories
    loadable: bool = False
    #: one weight and one neuron after the other, with one row bank and one lane: the least hardware
    serial: bool = False
    #: keep the sums of a crossbar from step to step, and add or subtract the rows whose spike has changed
    change_events: bool = False
    #: a time step a clock cycle, all weights being gates: the fastest, for chips that were trained for it
    real_time: bool = False

    def __post_init__(self) -> None:
        for name in ("pixel_lanes", "row_banks", "lanes"):
            given = getattr(self, name)
            most = LARGEST_REAL_TIME if self.real_time and name == "pixel_lanes" else LARGEST
            for value in given if isinstance(given, tuple) else (given,):
                if not 1 <= value <= most or value & (value - 1):
                    raise CaptwinError(f"{name}: must be a power of two from 1 to {most}, got {value}")
                if name not in ("pixel_lanes", *SIZED_BY[self.kind]) and value > 1:
                    raise CaptwinError(f"{name}: must be 1 in a {kind_word(self.kind)} core, got {value}")
        if self.real_time and self.serial:
            raise CaptwinError("--serial: a core is serial or real-time, not both; leave one of the two out")
        if self.real_time and self.loadable:
            raise CaptwinError("--loadable: a real-time core is one chip, whose weights are its gates; leave it out")
        if self.change_events and self.kind != DEFAULT_KIND:
            raise CaptwinError(f"change_events: a {kind_word(self.kind)} core keeps no sums; take a {DEFAULT_KIND} one")

    @property
    def kind(self) -> str:
        """The kind of layers: a key of :data:`SIZED_BY`."""
        return next((kind for kind in SIZED_BY if getattr(self, kind, False)), DEFAULT_KIND)

    def of_kind(self, kind: str) -> "CoreOptions":
        """The same for another kind of layers: what does not size these is 1, what they do not have is left out."""
        changes: dict[str, Any] = {name: name == kind for name in SIZED_BY if name != DEFAULT_KIND}
        changes["change_events"] = self.change_events and kind == DEFAULT_KIND
        changes |= {name: 1 for name in ("row_banks", "lanes") if name not in SIZED_BY[kind]}
        if kind == "real_time":
            changes["loadable"] = False
        else:
            changes["pixel_lanes"] = min(self.pixel_lanes, LARGEST)
        return replace(self, **changes)

    def listed(self, layers: int) -> dict[str, Any]:
        """All of them by name, those that may differ from layer to layer as lists of ``layers`` numbers."""
        each = {name: list(self.each(name, layers)) for name in ("row_banks", "lanes")}
        return vars(self) | each

    def each(self, name: str, layers: int) -> tuple[int, ...]:
        """``row_banks`` or ``lanes`` of each of ``layers``; :class:`CaptwinError` if there are not as many."""
        given = getattr(self, name)
        if not isinstance(given, tuple):
            return (given,) * layers
        if len(given) != layers:
            raise CaptwinError(f"{name}: the chip has {layers} layers, not {len(given)}; give one number, or {layers}")
        return given
