"""The mapping whose pairs weigh no more than their codes need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from captwin.sim.devices.mapping import Capacitances, Mapping, UnitPair


@dataclass(frozen=True)
class OneSided(Mapping):
    """One memcapacitor of a pair holds the code's magnitude, the other stays at C_off: 2 * levels - 1 codes; ballast
    makes the columns equal."""

    kind = "one_sided"

    def snap(self, codes: Any, floor: Callable[[Any], Any]) -> Any:
        return floor(codes + 0.5)

    def pair_load(self, magnitudes: Any, width: int) -> Any:
        return 2 * width + magnitudes * (self.ratio - 1) / self.top

    @classmethod
    def pair_levels(cls, codes: Any, top: int) -> tuple[Any, Any]:
        return (abs(codes) + codes) / 2, (abs(codes) - codes) / 2

    @classmethod
    def unit_pair(cls, capacitances: Capacitances, swing: float) -> UnitPair:
        c_off = float(min(capacitances.c_plus.min(), capacitances.c_minus.min()))
        return UnitPair(c_off, float(capacitances.c_bias.min()) / c_off if c_off > 0 else 0.0)
