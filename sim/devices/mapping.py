"""Weights as memcapacitors: what every kind of mapping has in common. ``docs/circuit.md`` has the formulas.

Every column carries the capacitance that the neuron table was made for, so one neuron circuit serves all of them;
the unit capacitance C_off of a layer follows from that.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from captwin.hw.support.errors import CaptwinError


@dataclass(frozen=True, eq=False)
class Capacitances:
    """The capacitors of a layer, float64 F."""

    c_plus: np.ndarray  #: (rows, columns) from the lines that step up
    c_minus: np.ndarray  #: (rows, columns) from the lines that step down
    c_bias: np.ndarray  #: (2, columns) the pair that is driven in every cycle, plus side first
    c_column: np.ndarray  #: (columns,) all that hangs on each column


class UnitPair(NamedTuple):
    """What a layer as programmed tells of its memcapacitors."""

    c_off: float  #: F, capacitance of the lowest level
    bias_width: float  #: unit memcapacitors in parallel that make one of the bias pair; not rounded


@dataclass(frozen=True)
class Mapping(ABC):
    """How a weight becomes a pair of memcapacitors. A charge code is level(C+) - level(C-).

    A kind of mapping is a class of its own in a file of its own; :mod:`captwin.sim.devices.mapping_kinds` finds it.
    """

    kind: ClassVar[str]  #: what configurations and chip files call it

    ratio: float  #: C_on / C_off, > 1
    levels: int  #: programmable levels of a memcapacitor, >= 2
    parasitic: float  #: share of a column's capacitance that is wire and switches, 0 to < 1
    v_read: float  #: V, swing of the row lines

    @abstractmethod
    def snap(self, codes: Any, floor: Callable[[Any], Any]) -> Any:
        """Nearest realisable codes of fractional ones, NumPy's or PyTorch's; ``floor`` is that library's."""

    @abstractmethod
    def pair_load(self, magnitudes: Any, width: int) -> Any:
        """Capacitance of the pairs of a column in units of C_off, from the sum of its codes' magnitudes.

        ``width`` counts the pairs, the bias pair as the number of unit pairs that it is made of.
        """

    @classmethod
    @abstractmethod
    def pair_levels(cls, codes: Any, top: int) -> tuple[Any, Any]:
        """Levels of C+ and of C- that make charge ``codes``, ``top`` being the highest level; any array library's."""

    @classmethod
    @abstractmethod
    def unit_pair(cls, capacitances: Capacitances, swing: float) -> UnitPair:
        """:func:`program` backwards: what memcapacitors ``capacitances`` were made of; ``swing`` is C_on - C_off, F."""

    @property
    def top(self) -> int:
        """Largest charge code."""
        return self.levels - 1

    def charge_lsb(self, c_off: float) -> float:
        """F of C+ - C- that one charge code stands for, ``c_off`` being the unit capacitance in F."""
        return c_off * (self.ratio - 1) / self.top

    def round_codes(self, weights: np.ndarray) -> np.ndarray:
        """Nearest int64 charge codes of ``weights`` in units of the largest code; any shape."""
        return np.asarray(self.snap(np.clip(weights, -1.0, 1.0) * self.top, np.floor)).astype(np.int64)

    def deviation(self, codes: Any) -> Any:
        """Standard deviation, in codes, of ``codes`` whose two memcapacitors each deviate by 1 of their capacitance."""
        least = self.top / (self.ratio - 1)  # C_off, in units of a code
        plus, minus = self.pair_levels(codes, self.top)
        return ((least + plus) ** 2 + (least + minus) ** 2) ** 0.5

    def unit_capacitance(self, codes: np.ndarray, bias: np.ndarray, width: int, c_column: float) -> float:
        """C_off [F] with which the heaviest column fills ``c_column`` [F]; its ballast is then zero.

        ``codes`` (rows, columns) and ``bias`` (columns,) are charge codes, ``width`` the unit pairs of a bias pair.
        """
        magnitudes = np.abs(codes).sum(axis=0) + width * np.abs(bias)
        heaviest = float(np.max(self.pair_load(magnitudes, len(codes) + width)))
        return c_column * (1 - self.parasitic) / heaviest

    def program(self, codes: np.ndarray, bias: np.ndarray, width: int, c_column: float) -> Capacitances:
        """Programs charge codes, as :meth:`unit_capacitance` takes them, into memcapacitors.

        Raises :class:`CaptwinError` for a code that the memcapacitors lack.
        """
        c_off = self.unit_capacitance(codes, bias, width, c_column)
        if (np.abs(codes) > self.top).any() or (self.snap(codes, np.floor) != codes).any():
            raise CaptwinError(
                f"mapping: charge codes must be {self.kind} codes of {self.levels} levels,"
                f" found {int(codes.min())} to {int(codes.max())}; round them with round_codes"
            )
        # A bias pair is made of unit pairs, each of which may have a code of its own: their sum is whole.
        if (np.abs(bias) > self.top).any() or (np.abs(bias * width - np.rint(bias * width)) > 1e-6).any():
            raise CaptwinError(f"mapping: a bias must be a whole number of charges, at most {self.top * width}")
        c_plus, c_minus = self._pairs(codes, c_off)
        bias_plus, bias_minus = self._pairs(bias, c_off * width)
        total = np.full(codes.shape[1], c_column)
        return Capacitances(c_plus, c_minus, np.stack([bias_plus, bias_minus]), total)

    def _pairs(self, codes: np.ndarray, c_off: float) -> tuple[np.ndarray, np.ndarray]:
        """C+ and C- of ``codes`` in F."""
        plus, minus = self.pair_levels(codes, self.top)
        step = self.charge_lsb(c_off)
        return c_off + plus * step, c_off + minus * step
