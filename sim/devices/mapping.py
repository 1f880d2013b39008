"""Weights as memcapacitors: charge codes to capacitances and back, and the column gains that follow.

Every column carries the capacitance that the neuron table was made for, so one neuron circuit serves all of them;
the unit capacitance C_off of a layer follows from that. ``docs/circuit.md`` has the formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices import gains as columns
from captwin.sim.neurons.quantise import QuantisedNeuron

Kind = Literal["complementary", "one_sided"]


@dataclass(frozen=True)
class Mapping:
    """How a weight becomes a pair of memcapacitors. A charge code is level(C+) - level(C-).

    `complementary`: level(C+) + level(C-) = levels - 1, ``levels`` codes of one parity.
    `one_sided`: the unused device stays at C_off, 2 * levels - 1 codes, ballast makes the columns equal.
    """

    kind: Kind
    ratio: float  #: C_on / C_off, > 1
    levels: int  #: programmable levels of a device, >= 2
    parasitic: float  #: share of a column's capacitance that is wire and switches, 0 to < 1
    v_read: float  #: V, swing of the row lines

    @property
    def top(self) -> int:
        """Largest charge code."""
        return self.levels - 1

    def round_codes(self, weights: np.ndarray) -> np.ndarray:
        """Nearest charge codes of ``weights`` in units of the largest code."""
        return np.asarray(self.snap(np.clip(weights, -1.0, 1.0) * self.top, np.floor)).astype(np.int64)

    def snap(self, codes: Any, floor: Callable[[Any], Any]) -> Any:
        """Nearest realisable code of fractional ones; ``floor`` is the array library's."""
        if self.kind == "one_sided":
            return floor(codes + 0.5)
        return 2 * floor((codes + self.top) / 2 + 0.5) - self.top

    def deviation(self, codes: Any) -> Any:
        """Standard deviation of whole ``codes`` whose two devices are each off by 1 relative to their capacitance."""
        least = self.top / (self.ratio - 1)  # C_off, in units of a code
        if self.kind == "complementary":
            plus, minus = (self.top + codes) / 2, (self.top - codes) / 2
        else:
            plus, minus = abs(codes), 0 * codes
        return ((least + plus) ** 2 + (least + minus) ** 2) ** 0.5

    def load(self, magnitudes: Any, width: int) -> Any:
        """Capacitance of the pairs of a column in units of C_off, from the sum of its codes' magnitudes.

        ``width`` counts the pairs, the bias pair as the number of unit pairs that it is made of.
        """
        if self.kind == "complementary":
            return 0 * magnitudes + width * (1 + self.ratio)
        return 2 * width + magnitudes * (self.ratio - 1) / self.top


@dataclass(frozen=True, eq=False)
class Capacitances:
    """The capacitors of a layer, float64 F: (rows, columns) pairs, (2, columns) bias pair, (columns,) total."""

    c_plus: np.ndarray
    c_minus: np.ndarray
    c_bias: np.ndarray
    c_column: np.ndarray


def unit_capacitance(codes: np.ndarray, bias: np.ndarray, width: int, mapping: Mapping, c_column: float) -> float:
    """C_off [F] with which the heaviest column fills ``c_column`` [F]; its ballast is then zero."""
    magnitudes = np.abs(codes).sum(axis=0) + width * np.abs(bias)
    heaviest = float(np.max(mapping.load(magnitudes, len(codes) + width)))
    return c_column * (1 - mapping.parasitic) / heaviest


def to_capacitances(codes: np.ndarray, bias: np.ndarray, width: int, mapping: Mapping, c_column: float) -> Capacitances:
    """Programs (rows, columns) charge codes and (columns,) bias codes into memcapacitors.

    A bias pair is ``width`` unit pairs in parallel. Raises :class:`CaptwinError` for a code that the devices lack.
    """
    c_off = unit_capacitance(codes, bias, width, mapping, c_column)
    c_plus, c_minus = _pairs(codes, c_off, mapping)
    bias_plus, bias_minus = _pairs(bias, c_off * width, mapping)
    total = np.full(codes.shape[1], c_column)
    return Capacitances(c_plus, c_minus, np.stack([bias_plus, bias_minus]), total)


def to_codes(
    c_plus: np.ndarray, c_minus: np.ndarray, c_bias: np.ndarray, width: int, mapping: Mapping
) -> tuple[np.ndarray, np.ndarray]:
    """Charge codes of a layer's pairs and of its bias pairs: :func:`to_capacitances` backwards."""
    if mapping.kind == "complementary":
        c_off = float(np.mean(np.asarray(c_plus, np.float64) + c_minus)) / (1 + mapping.ratio)
    else:
        c_off = float(np.mean(np.minimum(c_plus, c_minus), dtype=np.float64))
    step = c_off * (mapping.ratio - 1) / mapping.top
    differences = np.asarray(c_plus, np.float64) - c_minus
    bias = (np.asarray(c_bias[0], np.float64) - c_bias[1]) / (step * width)
    return np.rint(differences / step).astype(np.int64), np.rint(bias).astype(np.int64)


def column_scale(
    caps: Capacitances, c_off: float, mapping: Mapping, neuron: QuantisedNeuron
) -> tuple[np.ndarray, np.ndarray, int]:
    """Gains (columns,) uint32, offsets (columns,) int64 and shift that turn accumulators into drive codes.

    Raises :class:`CaptwinError` if no shift makes the gains fit, or if the offsets do not.
    """
    step = c_off * (mapping.ratio - 1) / mapping.top
    return columns.column_scale(step, caps.c_bias, caps.c_column, mapping.v_read, neuron.scale, neuron.formats)


def _pairs(codes: np.ndarray, c_off: float, mapping: Mapping) -> tuple[np.ndarray, np.ndarray]:
    if (np.abs(codes) > mapping.top).any() or (mapping.snap(codes, np.floor) != codes).any():
        raise CaptwinError(
            f"mapping: charge codes must be {mapping.kind} codes of {mapping.levels} levels,"
            f" found {int(codes.min())} to {int(codes.max())}; round them with round_codes"
        )
    if mapping.kind == "complementary":
        plus = (mapping.top + codes) // 2
        minus = mapping.top - plus
    else:
        plus, minus = np.maximum(codes, 0), np.maximum(-codes, 0)
    step = c_off * (mapping.ratio - 1) / mapping.top
    return c_off + plus * step, c_off + minus * step
