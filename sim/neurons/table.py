"""The neuron table: a measured neuron as two or four surfaces and two threshold curves, and its file.

The file is JSON text, so that a bench script writes it as easily as a simulator; ``docs/own-neuron.md`` describes it.
"""

import json
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from captwin.hw.quantities import JOULES, VOLTS, Range, fault
from captwin.hw.support.digest import sha256_of
from captwin.hw.support.documents import DocumentError, is_version, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes, write_atomically
from captwin.hw.support.names import check_name, field_name, printable
from captwin.sim.periphery.circuit_file import ChipPeriphery

FORMAT = "captwin-neuron-table"
VERSION = 2
#: most points of an axis, and bytes of the largest file: some 25 a number
MOST_POINTS, FILE_LIMIT = 1025, 1 << 28


class TableError(CaptwinError):
    """A neuron table, or its file, is wrong; the message names the field."""


@dataclass(frozen=True, eq=False)
class NeuronTable:
    """What one clock cycle does to a neuron. Nv, Nu are the lengths of the axes; index 0 of an array is the silent
    neuron, index 1 the one that spiked in the cycle before. Raises :class:`TableError` if a field is wrong."""

    circuit: str  #: its name
    corner: str  #: process corner of its devices, such as tt
    temperature: float  #: deg C at which it was measured
    supply: float  #: V of its supply
    date: str  #: when it was measured, ISO 8601
    source_sha256: str  #: of the netlist and its conditions, or of whatever else the table was made from
    c_column: float  #: F, all that hangs on the column wire
    c_membrane: float  #: F of the membrane
    v_rest: float  #: V, membrane at the start of an inference
    v_read: float  #: V, swing of the row lines that the circuit is meant for
    v: np.ndarray  #: (Nv,) V, rising: membrane before the cycle
    u: np.ndarray  #: (Nu,) V, rising: drive of the column
    #: V, membrane after the cycle: (2, Nv, Nu) by the spike of the cycle before, or (2, 2, Nv, Nu) by that, then by the
    #: spike of the cycle itself; either outcome is then continued past the threshold
    surfaces: np.ndarray
    thresholds: np.ndarray  #: (2, Nv) V: least drive that makes a spike; infinity (null in the file) means none does
    energy: np.ndarray | None = None  #: (2, Nv, Nu) J drawn from the supply in the cycle
    #: what chips of the circuit have around their neurons, where it was measured; it has a file of its own
    around: ChipPeriphery | None = None

    def __post_init__(self) -> None:
        self._check_words()
        for name in ("temperature", "supply", "c_column", "c_membrane", "v_rest", "v_read"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TableError(f"{name}: expected a number, got {printable(value)}")
            if wrong := fault(name, value):
                raise TableError(f"{name}: {wrong}")
        for name in ("v", "u"):
            axis = getattr(self, name)
            if axis.ndim != 1 or not 2 <= len(axis) <= MOST_POINTS:
                raise TableError(f"{name}: an axis needs 2 to {MOST_POINTS} points in one row, got shape {axis.shape}")
            _check_filled(name, axis, VOLTS)
            if not (np.diff(axis) > 0).all():
                at = int(np.argmin(np.diff(axis) > 0)) + 1
                raise TableError(f"{name}: an axis must rise; point {at} ({axis[at]} V) does not")
        surface = (2, len(self.v), len(self.u))
        surfaces = (2, *surface) if self.by_outcome else surface
        for name, shape in (("surfaces", surfaces), ("thresholds", surface[:2]), ("energy", surface)):
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != shape:
                either = f", or {(2, *surface)} by outcome" if name == "surfaces" and not self.by_outcome else ""
                raise TableError(f"{name}: expected shape {shape}{either} from the axes, got {array.shape}")
            if name == "thresholds" and (np.isnan(array).any() or np.isneginf(array).any()):
                raise TableError("thresholds: holds NaN or -infinity; write null where no drive makes the neuron spike")
            never = np.isinf(array) if name == "thresholds" else False
            _check_filled(name, np.where(never, 0.0, array), JOULES if name == "energy" else VOLTS)
        if not self.v[0] <= self.v_rest <= self.v[-1]:
            raise TableError(f"v_rest: {self.v_rest} V lies outside the v axis, {self.v[0]} to {self.v[-1]} V")
        for name in _ARRAYS:
            array = getattr(self, name)
            if array is not None:
                array.setflags(write=False)

    def _check_words(self) -> None:
        for name in ("circuit", "corner", "date", "source_sha256"):
            try:
                check_name(getattr(self, name), name)
            except CaptwinError as error:
                raise TableError(str(error)) from None
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[0-9A-Za-z:.+ -]{0,30}", self.date):
            raise TableError(f"date: expected an ISO 8601 date such as 2026-01-31, got {printable(self.date)}")

    @property
    def circuit_sha256(self) -> str:
        """Hash of everything but the date: equal for equal neurons."""
        return sha256_of({name: value for name, value in self._plain().items() if name != "date"})

    @property
    def share(self) -> float:
        """a = C_column / (C_membrane + C_column): the part of a drive that reaches the membrane, to first order."""
        return self.c_column / (self.c_column + self.c_membrane)

    @property
    def firing_drive(self) -> float:
        """Least drive in V that makes the neuron spike from rest; :class:`TableError` if none of the table does."""
        silent = np.isinf(self.thresholds[0])
        if np.interp(self.v_rest, self.v, silent.astype(float)) > 0.5:
            raise TableError(
                f"{self.circuit}: no drive of the table makes the neuron spike from rest; widen its u axis"
            )
        return self._threshold(self.v_rest)

    @property
    def threshold_span(self) -> float:
        """V of drive over which spikes are decided: :attr:`firing_drive`, and the way that the threshold goes while an
        ideal membrane rises from rest to firing."""
        firing = self.firing_drive
        return firing + abs(firing - self._threshold(self.v_rest + self.share * firing))

    def _threshold(self, v: float) -> float:
        curve = np.where(np.isinf(self.thresholds[0]), self.u[-1], self.thresholds[0])
        return float(np.interp(v, self.v, curve))

    @property
    def by_outcome(self) -> bool:
        """Whether a cycle that ends with a spike has another surface than one that does not: four surfaces, not two."""
        return self.surfaces.ndim == 4

    @property
    def after(self) -> np.ndarray:
        """(2, Nv, Nu) V: membrane after a cycle at the axes' points, by the outcome that the cycle has there."""
        if not self.by_outcome:
            return self.surfaces
        return np.where(self.u >= self.thresholds[:, :, None], self.surfaces[:, 1], self.surfaces[:, 0])

    def step(self, v: np.ndarray, u: np.ndarray, fired: np.ndarray, *, spikes: np.ndarray | None = None) -> np.ndarray:
        """Membrane in V after cycles that began with ``v`` and brought ``u``, three equal shapes; bilinear, and linear
        beyond the axes. Of four surfaces the one of the outcome counts: ``spikes``, or what :meth:`fires` says."""
        i = np.clip(np.searchsorted(self.v, v, side="right") - 1, 0, len(self.v) - 2)
        j = np.clip(np.searchsorted(self.u, u, side="right") - 1, 0, len(self.u) - 2)
        x, y = (v - self.v[i]) / (self.v[i + 1] - self.v[i]), (u - self.u[j]) / (self.u[j + 1] - self.u[j])
        chosen: tuple[np.ndarray, ...] = (fired.astype(int),)
        if self.by_outcome:
            chosen += ((self.fires(v, u, fired) if spikes is None else spikes).astype(int),)
        surface = self.surfaces
        below = (1 - y) * surface[*chosen, i, j] + y * surface[*chosen, i, j + 1]
        above = (1 - y) * surface[*chosen, i + 1, j] + y * surface[*chosen, i + 1, j + 1]
        return (1 - x) * below + x * above

    def fires(self, v: np.ndarray, u: np.ndarray, fired: np.ndarray) -> np.ndarray:
        """Whether those cycles end with a spike; beside a point that cannot fire, the nearer point decides."""
        never = np.isinf(self.thresholds)
        curves = np.where(never, self.u[-1], self.thresholds)
        least, silent = (
            np.where(fired, *(np.interp(v, self.v, line[b]) for b in (1, 0))) for line in (curves, never.astype(float))
        )
        return (silent <= 0.5) & (u >= least)

    def rounded(self) -> "NeuronTable":
        """The table in digits that mean something, for a small file: volts to 0.1 uV, energies to 5 digits."""
        volts = {name: np.round(getattr(self, name), 7) for name in _ARRAYS if name != "energy"}
        joules = None if self.energy is None else np.vectorize(lambda energy: float(f"{energy:.4e}"))(self.energy)
        return replace(self, v_rest=round(self.v_rest, 7), energy=joules, **volts)

    def save(self, path: Path | str) -> None:
        """Writes the table file."""
        content = {"format": FORMAT, "version": VERSION, **self._plain()}
        write_atomically(Path(path), json.dumps(content, allow_nan=False, indent=None) + "\n")

    @classmethod
    def load(cls, path: Path | str) -> "NeuronTable":
        """Reads and checks a table file; :class:`TableError` says which file and field is wrong."""
        try:
            return _parse(read_bytes(Path(path), "neuron table", FILE_LIMIT))
        except (TableError, DocumentError) as error:
            raise TableError(f"{path}: {error}") from None

    def _plain(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in _names()}
        for name in _ARRAYS:
            if values[name] is not None:
                values[name] = values[name].tolist()
        values["thresholds"] = [[None if np.isinf(u) else u for u in curve] for curve in values["thresholds"]]
        return values


def _names() -> list[str]:
    """Names of the fields that a table file has."""
    return [entry.name for entry in fields(NeuronTable) if entry.name != "around"]


_ARRAYS = ("v", "u", "surfaces", "thresholds", "energy")


def _check_filled(name: str, array: np.ndarray, allowed: Range) -> None:
    if not np.isfinite(array).all():
        at = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        raise TableError(f"{name}: hole, NaN or infinity at {at}; measure that point again")
    outside = (array < allowed.least) | (array > allowed.greatest)
    if outside.any():
        at = [int(index) for index in np.argwhere(outside)[0]]
        limits = f"{allowed.least:g} to {allowed.greatest:g} {allowed.unit}"
        raise TableError(f"{name}: expected {limits}, got {array[tuple(at)]:g} at {at}")


def _parse(data: bytes) -> NeuronTable:
    content = parse_json(data)
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise TableError(f"format: expected {FORMAT!r}: this is not a neuron table")
    version = content.pop("version", None)
    if not is_version(version, VERSION):
        raise TableError(f"version: this captwin reads version {VERSION}, the file has {printable(version)}")
    names = _names()
    for name in sorted(set(content) - set(names)):
        raise TableError(f"{field_name(name)}: unknown field; known are {', '.join(names)}")
    for name in names:
        if name not in content and name != "energy":
            raise TableError(f"{name}: missing")
    for name in _ARRAYS:
        if content.get(name) is not None:
            content[name] = _to_array(name, content[name])
        elif name != "energy":
            raise TableError(f"{name}: expected numbers, got null")
    return NeuronTable(**content)


def _to_array(name: str, value: Any) -> np.ndarray:
    hole = np.inf if name == "thresholds" else np.nan
    try:
        array = np.array(value, dtype=object)
        if array.ndim == 0 or any(isinstance(number, str | bool | list) for number in array.flat):
            raise ValueError
        return np.where(array == None, hole, array).astype(np.float64)  # noqa: E711
    except (ValueError, TypeError, OverflowError):
        raise TableError(f"{name}: expected a regular array of numbers (rows of equal length)") from None
