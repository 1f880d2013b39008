"""What nextpnr's JSON report says of the clock."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from captwin.hw.support.errors import CaptwinError

_Nanoseconds = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
_Cell = Annotated[str, Field(max_length=10_000)]
_Megahertz = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class End(TypedDict):
    """A cell at an end of a step, and where it lies on the device."""

    cell: str
    loc: tuple[int, int]


Step = TypedDict("Step", {"type": str, "delay": _Nanoseconds, "from": End, "to": End})
Path = TypedDict("Path", {"from": str, "to": str, "path": list[Step]})


class Clock(TypedDict):
    """What a clock reached, and what it was constrained to."""

    achieved: _Megahertz
    constraint: _Megahertz


@with_config(ConfigDict(extra="ignore"))
class Report(TypedDict):
    """The part of nextpnr's report that is read here, for checking a file that somebody may have edited."""

    fmax: dict[str, Clock]
    critical_paths: list[Path]


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path between two registers of the core's clock."""

    start: _Cell
    end: _Cell
    logic_ns: _Nanoseconds
    routing_ns: _Nanoseconds

    def __str__(self) -> str:
        return (
            f"slowest path from {self.start} to {self.end}: {self.logic_ns:.1f} ns logic, "
            f"{self.routing_ns:.1f} ns routing"
        )


@dataclass(frozen=True)
class Timing:
    """The core's clock after place and route."""

    wanted_hz: float
    reached_hz: float
    critical_path: CriticalPath

    @property
    def met(self) -> bool:
        return self.reached_hz >= self.wanted_hz


@dataclass(frozen=True)
class Hop:
    """One step of a path: along a wire to a place, and through the cells there. The first starts in a register."""

    name: str  #: in the source: the register, memory or signal that the cells were made for
    kind: str  #: what happens there: the path starts, passes logic, or ends
    cells: int  #: passed one after the other without routing between: a carry chain, a wide multiplexer
    location: tuple[int, int]  #: on the device, x and y
    routing_ns: float
    logic_ns: float

    @property
    def delay_ns(self) -> float:
        return self.routing_ns + self.logic_ns


def read_path(report: dict[str, Any], wanted_hz: float) -> tuple[Hop, ...]:
    """The slowest path of the clock that was constrained to ``wanted_hz``; errors as of :func:`read_timing`."""
    hops: list[Hop] = []
    routing_ns = 0.0
    for step in _slowest(report, _clock(report, wanted_hz)):
        if step["type"] == "routing":
            routing_ns += step["delay"]
            continue
        x, y = step["to"]["loc"]
        hop = Hop(source_name(step["to"]["cell"]), step["type"], 1, (x, y), routing_ns, step["delay"])
        if hops and not routing_ns and (hop.name, hop.kind) == (hops[-1].name, hops[-1].kind):
            before = hops.pop()
            hop = replace(before, cells=before.cells + 1, logic_ns=before.logic_ns + hop.logic_ns)
        hops.append(hop)
        routing_ns = 0.0
    return tuple(hops)


def source_name(cell: str) -> str:
    """The name in the source that Yosys made ``cell``'s name from: it adds cell types and ports, in capitals."""
    own = re.split(r"_(?=[A-Z])", re.sub(r"\$\w*$", "", cell))[0]
    return own or cell


def read_timing(report: dict[str, Any], wanted_hz: float) -> Timing:
    """The clock that was constrained to ``wanted_hz``.

    Raises :class:`CaptwinError` if none was: nextpnr calls 12 MHz a pass when it knows of no constraint.
    """
    name = _clock(report, wanted_hz)
    path = _slowest(report, name)
    nanoseconds = {"logic": 0.0, "routing": 0.0}
    for hop in path:
        nanoseconds["routing" if hop["type"] == "routing" else "logic"] += hop["delay"]
    return Timing(
        wanted_hz,
        report["fmax"][name]["achieved"] * 1e6,
        CriticalPath(path[0]["from"]["cell"], path[-1]["to"]["cell"], nanoseconds["logic"], nanoseconds["routing"]),
    )


def _clock(report: dict[str, Any], wanted_hz: float) -> str:
    """Name of the clock that was constrained to ``wanted_hz``; :class:`CaptwinError` if none was."""
    for name, clock in report["fmax"].items():
        if clock["constraint"] * 1e6 >= 0.999 * wanted_hz:
            return str(name)
    known = ", ".join(f"{name} at {clock['constraint']:g} MHz" for name, clock in report["fmax"].items())
    raise CaptwinError(f"nextpnr was told of no clock of {wanted_hz / 1e6:g} MHz (it knows {known})")


def _slowest(report: dict[str, Any], clock: str) -> list[dict[str, Any]]:
    """Steps of the slowest path between registers of ``clock``; :class:`CaptwinError` if the report has none."""
    ends = f"posedge {clock}"
    for path in report["critical_paths"]:
        if path["from"] == path["to"] == ends and path["path"]:
            return list(path["path"])
    raise CaptwinError(f"nextpnr's report has no path between registers of the clock {clock}")
