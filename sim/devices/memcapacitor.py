"""The memcapacitor: what it holds as programmed, and what spread, wear and time make of it.

Every function works on arrays of memcapacitors. Their state y runs from 0 (C_off) to 1 (C_on). The forms of the effects
are the usual first-order ones; none of their sizes is a measurement, and all default to none.
"""

from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np

from captwin.hw.support.errors import CaptwinError

#: s; from here on drift counts decades of time
DRIFT_START = 1.0


class MemcapacitorError(CaptwinError):
    """A parameter of memcapacitors is unphysical; the message names it."""


def _limit(default: float, low: float, high: float) -> float:
    value: float = field(default=default, metadata={"low": low, "high": high})
    return value


@dataclass(frozen=True)
class Effects:
    """What is wrong with real memcapacitors; the defaults make them ideal.

    Shares lie in 0 to 1. All forms and sizes are our assumptions but where a source is named in ``docs/nonideal.md``.
    Raises :class:`MemcapacitorError` for bad values.
    """

    sigma_c: float = _limit(0.0, 0.0, 1.0)  #: standard deviation of C over its mean, from one to the next
    stuck: float = _limit(0.0, 0.0, 1.0)  #: share of memcapacitors that cannot be programmed
    stuck_on: float = _limit(0.5, 0.0, 1.0)  #: share of the stuck ones that stay at C_on, the others at C_off
    write_disturb: float = _limit(0.0, 0.0, 1.0)  #: level steps that a half-selected one at C_off moves a pulse
    read_disturb: float = _limit(0.0, 0.0, 1.0)  #: share of its distance to ``equilibrium`` that a read event takes
    drift: float = _limit(0.0, 0.0, 1.0)  #: share of its distance to ``equilibrium`` lost in a decade of time
    equilibrium: float = _limit(0.5, 0.0, 1.0)  #: state that drift and read disturb tend to
    c_v1: float = _limit(0.0, -1.0, 1.0)  #: 1/V, relative slope of C over the voltage across it
    c_v2: float = _limit(0.0, -1.0, 1.0)  #: 1/V^2, its relative curvature

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class History:
    """What memcapacitors went through since they were programmed. Raises :class:`MemcapacitorError` for bad values."""

    writes: float = _limit(0.0, 0.0, 1e18)  #: write pulses of others in their row or column
    reads: float = _limit(0.0, 0.0, 1e18)  #: read events of their row
    seconds: float = _limit(0.0, 0.0, 1e12)  #: s since they were programmed

    def __post_init__(self) -> None:
        _check(self)


class Defects(NamedTuple):
    """What drawing decided for an array of memcapacitors."""

    factor: np.ndarray  #: C over what a nominal one in that state has
    stuck: np.ndarray  #: state of the stuck ones, NaN for all others


@dataclass(frozen=True)
class Memcapacitor:
    """A type of memcapacitor: ``levels`` states, evenly spaced in capacitance from C_off to C_on [F]."""

    c_off: float  #: F of level 0
    c_on: float  #: F of the highest level
    levels: int
    effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        if not 0 < self.c_off < float("inf"):
            raise MemcapacitorError(f"memcapacitor: C_off must be more than 0 F, got {self.c_off}")
        if not self.c_off < self.c_on < float("inf"):
            raise MemcapacitorError(f"memcapacitor: C_on must be more than C_off = {self.c_off} F, got {self.c_on} F")
        if self.levels < 2:
            raise MemcapacitorError(f"memcapacitor: needs at least 2 levels, got {self.levels}")

    def capacitance(self, state: np.ndarray) -> np.ndarray:
        """F of nominal memcapacitors in ``state``: C_off + y * (C_on - C_off)."""
        return self.c_off + state * (self.c_on - self.c_off)

    def state(self, capacitance: np.ndarray) -> np.ndarray:
        """State of nominal memcapacitors of ``capacitance`` F, limited to 0 to 1."""
        return np.clip((capacitance - self.c_off) / (self.c_on - self.c_off), 0.0, 1.0)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator, parallel: int = 1) -> Defects:
        """Spread and defects of an array of memcapacitors, each made of ``parallel`` unit ones.

        The factor is lognormal with mean 1 and standard deviation sigma_c / sqrt(parallel), so it is never negative.
        Of those in parallel all or none are stuck, which is worse than what would happen.
        """
        effects = self.effects
        spread = np.sqrt(np.log1p(effects.sigma_c**2 / parallel))
        factor = np.exp(spread * rng.standard_normal(shape) - spread**2 / 2)
        lot, side = rng.random(shape), rng.random(shape)
        ends = np.where(side < effects.stuck_on, 1.0, 0.0)
        return Defects(factor, np.where(lot < effects.stuck, ends, np.nan))

    def after_writes(self, state: np.ndarray, pulses: float) -> np.ndarray:
        """State after ``pulses`` half-selections: each takes write_disturb / (levels - 1) of the way to C_on left."""
        share_left = (1 - self.effects.write_disturb / (self.levels - 1)) ** pulses
        return 1 - (1 - state) * share_left

    def after_time(self, state: np.ndarray, seconds: float) -> np.ndarray:
        """State after ``seconds``: log-time drift, y_eq + (y - y_eq) * max(0, 1 - drift * log10(1 + t / 1 s))."""
        share_left = max(0.0, 1 - self.effects.drift * float(np.log10(1 + seconds / DRIFT_START)))
        return self.effects.equilibrium + (state - self.effects.equilibrium) * share_left

    def after_reads(self, state: np.ndarray, events: float) -> np.ndarray:
        """State after ``events`` read events: y_eq + (y - y_eq) * (1 - read_disturb)^events."""
        share_left = (1 - self.effects.read_disturb) ** events
        return self.effects.equilibrium + (state - self.effects.equilibrium) * share_left

    def as_read(self, capacitance: np.ndarray, volts: float) -> np.ndarray:
        """F that a step from 0 to ``volts`` sees: the mean of C(V) = C * (1 + c_v1 * V + c_v2 * V^2) over the step.

        Raises :class:`MemcapacitorError` where C(V) would not stay positive.
        """
        effects = self.effects
        sweep = np.linspace(0, volts, 33)
        if (1 + effects.c_v1 * sweep + effects.c_v2 * sweep**2 <= 0).any():
            raise MemcapacitorError(
                f"c_v1, c_v2: {effects.c_v1} /V and {effects.c_v2} /V^2 make C negative within a step of {volts} V;"
                " lower them"
            )
        return capacitance * (1 + effects.c_v1 * volts / 2 + effects.c_v2 * volts**2 / 3)

    def live(self, programmed: np.ndarray, defects: Defects, history: History) -> np.ndarray:
        """F of memcapacitors that were ``programmed`` to nominal capacitances [F], after ``history``: first disturbed
        by writes, then by time, then by reads; stuck ones stay where they are stuck."""
        state = self.after_writes(self.state(programmed), history.writes)
        state = self.after_reads(self.after_time(state, history.seconds), history.reads)
        state = np.where(np.isnan(defects.stuck), state, defects.stuck)
        return defects.factor * self.capacitance(state)


def _check(parameters: Effects | History) -> None:
    for entry in fields(parameters):
        value, low, high = getattr(parameters, entry.name), entry.metadata["low"], entry.metadata["high"]
        if not low <= value <= high:
            raise MemcapacitorError(f"{entry.name}: must lie in {low:g} to {high:g}, got {value:g}")
