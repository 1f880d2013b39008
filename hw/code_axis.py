"""From codes to volts and back, along one axis of a neuron: its membranes or its drives."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CodeAxis:
    """Codes 0 to ``count`` - 1, evenly spaced: code c stands for ``low + c * lsb`` volts.

    ``docs/arithmetic.md`` has the formula. The golden model and the gates know nothing of volts.
    """

    low: float  #: V of code 0
    high: float  #: V that code ``count`` would stand for
    count: int  #: how many codes there are, a power of two

    @property
    def lsb(self) -> float:
        """V between two neighbouring codes."""
        return (self.high - self.low) / self.count

    def volts(self, codes: np.ndarray | int) -> np.ndarray:
        """V that ``codes``, whole or fractional, stand for; any shape."""
        return np.asarray(self.low + np.asarray(codes) * self.lsb)

    def codes(self, volts: np.ndarray | float) -> np.ndarray:
        """The fractional codes, not limited, that stand for ``volts``; any shape."""
        return np.asarray((np.asarray(volts) - self.low) / self.lsb)

    def nearest(self, volts: np.ndarray | float, greatest: int | None = None) -> np.ndarray:
        """The nearest int64 codes to ``volts``, half up, limited to 0 to ``greatest``, by default the highest code."""
        whole = np.floor(self.codes(volts) + 0.5)
        return np.clip(whole, 0, self.count - 1 if greatest is None else greatest).astype(np.int64)
