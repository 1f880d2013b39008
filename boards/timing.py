"""What nextpnr's JSON report says of the clock."""

from dataclasses import dataclass
from typing import Any

from hw.errors import CaptwinError


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path between two registers of the core's clock."""

    start: str
    end: str
    logic_ns: float
    routing_ns: float

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


def read_timing(report: dict[str, Any], wanted_hz: float) -> Timing:
    """The clock that was constrained to ``wanted_hz``.

    Raises :class:`CaptwinError` if none was: nextpnr calls 12 MHz a pass when it knows of no constraint.
    """
    for name, clock in report["fmax"].items():
        if clock["constraint"] * 1e6 >= 0.999 * wanted_hz:
            path = next(
                path["path"] for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {name}"
            )
            nanoseconds = {"logic": 0.0, "routing": 0.0}
            for hop in path:
                nanoseconds["routing" if hop["type"] == "routing" else "logic"] += hop["delay"]
            return Timing(
                wanted_hz,
                clock["achieved"] * 1e6,
                CriticalPath(
                    path[0]["from"]["cell"], path[-1]["to"]["cell"], nanoseconds["logic"], nanoseconds["routing"]
                ),
            )
    known = ", ".join(f"{name} at {clock['constraint']:g} MHz" for name, clock in report["fmax"].items())
    raise CaptwinError(f"nextpnr was told of no clock of {wanted_hz / 1e6:g} MHz (it knows {known})")
