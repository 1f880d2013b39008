"""What a chip has around its neurons, as numbers: the drivers of rows and clocks, the references."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", strict=True)
_Joules = Annotated[float, Field(ge=0, le=1)]
_JoulesPerFarad = Annotated[float, Field(ge=0, le=1e6)]
_Watts = Annotated[float, Field(ge=0, le=1)]
_WattsPerFarad = Annotated[float, Field(ge=0, le=1e12)]
_Amperes = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, config=_STRICT)
class Driver:
    """What a driver draws beyond the charge of its load: a straight line over the F of that load."""

    swing: _Joules  #: J a swing, there and back, without a load
    swing_per_farad: _JoulesPerFarad  #: J more a F of load
    leakage: _Watts  #: W while nothing swings, without a load
    leakage_per_farad: _WattsPerFarad  #: W more a F of load

    def energy(self, farads: float, drivers: float = 1.0) -> float:
        """J of one swing of ``drivers``, whose loads are ``farads`` together."""
        return drivers * self.swing + self.swing_per_farad * farads

    def power(self, farads: float, drivers: float = 1.0) -> float:
        """W that ``drivers`` leak, whose loads are ``farads`` together."""
        return drivers * self.leakage + self.leakage_per_farad * farads


@dataclass(frozen=True, config=_STRICT)
class Periphery:
    """All that is around the neurons, at the chip's corner and temperature; ``docs/energy.md`` has the formulas."""

    row_driver: Driver  #: of the two lines of a row together
    clock_driver: Driver  #: of one clock line
    clock_lines: Annotated[int, Field(ge=0, le=64)]  #: that the neurons use
    clock_gates: Annotated[float, Field(ge=0, le=1e-6)]  #: F of a neuron's gates on all clock lines together
    neurons_a_driver: Annotated[int, Field(ge=1, le=1_000_000)]  #: neurons that share the last drivers of their clocks
    bias_current: _Amperes  #: A of the circuit that makes the neurons' references, one a chip
    regulator_current: _Amperes  #: A of the regulator of v_read, one a chip, beyond what it delivers
