"""Neuron circuits as closed formulas; ``docs/circuit.md`` derives them.

They are Captwin's own reference circuits, not a fabricated chip's. Voltages in V, capacitances in F, energies in J.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Circuit(ABC):
    """A neuron circuit as formulas. Arrays of its methods broadcast against each other."""

    name: ClassVar[str]

    temperature: float = 27.0  #: deg C
    supply: float = 1.8  #: V
    c_column: float = 2e-12  #: F, all that hangs on the column wire
    c_membrane: float = 1e-12  #: F, at v_ref
    v_ref: float = 0.75  #: V, precharge of the column; the membrane rests there
    v_range: tuple[float, float] = (0.59, 0.91)  #: V, least and largest membrane of the table
    u_range: tuple[float, float] = (-0.128, 0.128)  #: V, least and largest drive of the table

    @abstractmethod
    def step(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        """Membrane after a cycle that began with ``v`` and brought drive ``u``; ``fired``: in the one before."""

    @abstractmethod
    def fires(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        """Whether that cycle ends with a spike; more drive never takes a spike away."""

    def energy(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray | None:
        """Energy drawn from the supply in that cycle; None where the circuit has no model of it."""
        return None


@dataclass(frozen=True)
class Ideal(Circuit):
    """Leaky integration to first order, an exact threshold and an exact reset to v_ref; nothing else."""

    name: ClassVar[str] = "ideal"

    threshold: float = 0.015  #: V above v_ref at which the neuron spikes

    def step(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        share = self.c_column / (self.c_membrane + self.c_column)
        start = np.zeros_like(v) if fired else v - self.v_ref
        return self.v_ref + (1 - share) * start + share * u

    def fires(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        return self.step(v, u, fired) >= self.v_ref + self.threshold


@dataclass(frozen=True)
class ChargeShare(Circuit):
    """The charge-sharing neuron with the imperfections that a handful of transistors brings."""

    name: ClassVar[str] = "charge_share"

    #: membrane capacitance C_m(v) = c_membrane * (1 + bend * tanh((v - v_ref) / bend_width)): a MOS gate's
    bend: float = 0.15
    bend_width: float = 0.08  #: V

    injection: float = 0.003  #: V that the transfer switch adds to the membrane when it opens, at v_ref
    injection_slope: float = -0.04  #: change of that with the membrane, V/V (the channel charge follows it)

    trip: float = 0.015  #: V above v_ref at which the comparator of a silent neuron decides for a spike
    hysteresis: float = 0.004  #: V by which the keeper lowers the trip point after a spike
    memory: float = 0.10  #: share of the membrane before the cycle in what the dynamic comparator sees, V/V
    kickback: float = 0.003  #: V by which the switching inverter pushes the membrane down
    kickback_width: float = 0.006  #: V over which it switches

    reset: float = -0.010  #: V, where the reset after a spike pulls the membrane, from v_ref
    residue: float = 0.12  #: share of the distance to there that is left when the reset ends

    clock_energy: float = 0.1e-12  #: J a cycle, comparator and latch away from the trip point
    trip_energy: float = 1.0e-12  #: J more at the trip point, where the inverter conducts
    trip_energy_width: float = 0.040  #: V, standard deviation of that peak

    def step(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        shared = self._share(v, u, fired)
        switched = 1 / (1 + np.exp(-(shared - self._trip(fired)) / self.kickback_width))
        return self.v_ref + shared - self.kickback * switched

    def fires(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        seen = self._share(v, u, fired) + self.memory * self._start(v, fired)
        return seen >= self._trip(fired)

    def energy(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        distance = (self._share(v, u, fired) - self._trip(fired)) / self.trip_energy_width
        drawn = self.clock_energy + self.trip_energy * np.exp(-(distance**2) / 2)
        if fired:
            drawn = drawn + self.c_membrane * self.supply * np.abs(v - self.v_ref - self._start(v, fired))
        return drawn

    def _trip(self, fired: bool) -> float:
        return self.trip - self.hysteresis * fired

    def _start(self, v: np.ndarray, fired: bool) -> np.ndarray:
        """Membrane from v_ref after the first half of the cycle, in which the reset acts."""
        start = v - self.v_ref
        return self.reset + self.residue * (start - self.reset) if fired else start

    def _share(self, v: np.ndarray, u: np.ndarray, fired: bool) -> np.ndarray:
        """Membrane from v_ref after charge has been shared and the switch has injected its own."""
        charge = self._charge(self._start(v, fired)) + self.c_column * u
        # The membrane's charge rises with its voltage, so bisection between bounds is safe.
        low = np.full(charge.shape, -2.0)
        high = -low
        for _ in range(50):
            middle = (low + high) / 2
            above = self._charge(middle) + self.c_column * middle > charge
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        shared = (low + high) / 2
        return shared + self.injection + self.injection_slope * shared

    def _charge(self, x: np.ndarray) -> np.ndarray:
        """Charge of the membrane capacitor at ``x`` from v_ref: the integral of C_m."""
        y = np.abs(x / self.bend_width)
        log_cosh = y + np.log1p(np.exp(-2 * y)) - np.log(2)
        return self.c_membrane * (x + self.bend * self.bend_width * log_cosh)


CIRCUITS: dict[str, type[Circuit]] = {"charge_share": ChargeShare, "ideal": Ideal}
