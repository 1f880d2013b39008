"""The mapping whose pairs all weigh the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from captwin.sim.devices.mapping import Capacitances, Mapping, UnitPair


@dataclass(frozen=True)
class Complementary(Mapping):
    """level(C+) + level(C-) = levels - 1: ``levels`` codes, two apart, none of them zero for an even number of levels;
    every pair weighs C_off + C_on, so columns need no ballast."""

    kind = "complementary"

    def snap(self, codes: Any, floor: Callable[[Any], Any]) -> Any:
        return 2 * floor((codes + self.top) / 2 + 0.5) - self.top

    def pair_load(self, magnitudes: Any, width: int) -> Any:
        return 0 * magnitudes + width * (1 + self.ratio)

    @classmethod
    def pair_levels(cls, codes: Any, top: int) -> tuple[Any, Any]:
        return (top + codes) / 2, (top - codes) / 2

    @classmethod
    def unit_pair(cls, capacitances: Capacitances, swing: float) -> UnitPair:
        pair = float(np.add(capacitances.c_plus, capacitances.c_minus, dtype=np.float64).mean())  # C_off + C_on
        bias = float(capacitances.c_bias.sum(axis=0, dtype=np.float64).mean())
        return UnitPair((pair - swing) / 2, bias / pair)
