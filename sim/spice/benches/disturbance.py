"""Noise in a whole column: charges, and a reference that is off, given to ngspice cycle by cycle.

A switch that opens leaves noise on its capacitor as a charge, so a current pulse in the pause after it has opened puts
just that charge there. In these pauses all clocks are low, and nothing else moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captwin.sim.spice.benches.bench_file import CYCLE

#: ns from a cycle's beginning: the pauses after the precharge and reset switches, and after transfer and decision
BEFORE_TRANSFER, AFTER_DECISION = (4.65, 4.95), (9.55, 9.85)
#: ns that a pulse takes to rise, and to fall
EDGE = 0.05
#: ns in which V_ref goes from one cycle's voltage to the next one's; the precharge begins later
MOVES = (0.02, 0.12)
#: V of a controlling source that stand for 1 A
_VOLTS_AN_AMPERE = 1e6


@dataclass(frozen=True, eq=False)
class Disturbance:
    """What noise does to a column in each of its cycles; arrays are (steps,)."""

    column: np.ndarray  #: C to the column when precharge and reset have ended
    after_spike: np.ndarray  #: C to the membrane then, if the neuron spiked in the cycle before
    membrane: np.ndarray  #: C to the membrane when transfer and decision have ended
    reference: np.ndarray  #: V by which V_ref is off in the whole cycle

    @classmethod
    def none(cls, steps: int) -> "Disturbance":
        """No noise, in the deck of one that has some: ngspice then takes the same time steps."""
        return cls(*np.zeros((4, steps)))

    def elements(self, v_ref: float) -> str:
        """What is added to a column's deck. Its ``vvref`` stands in place of the bench's."""
        pulses = {
            "inoise_col 0 col": _pulses(self.column, BEFORE_TRANSFER, 1),
            "inoise_mem 0 mem": _pulses(self.membrane, AFTER_DECISION, 1),
            "vnoise_reset noise_reset 0": _pulses(self.after_spike, BEFORE_TRANSFER, _VOLTS_AN_AMPERE),
            "vvref vref 0": _levels(v_ref + self.reference, v_ref),
        }
        lines = [f"{element} pwl({' '.join(waveform)})" for element, waveform in pulses.items()]
        # The latch still holds the spike of the cycle before in that pause.
        by_spike = f"{1 / _VOLTS_AN_AMPERE:g}*v(noise_reset)*v(spike)/{{supply}}"
        return "\n".join([*lines, f"bnoise_reset 0 mem i={by_spike}"])


def _pulses(charges: np.ndarray, pause: tuple[float, float], scale: float) -> Iterator[str]:
    """Corners of pulses whose area, over ``scale``, is the charge of each cycle."""
    begin, end = pause
    height = scale * charges / (1e-9 * (end - begin - EDGE))
    yield "0 0"
    for step, level in enumerate(height.tolist()):
        for time, value in ((begin, 0.0), (begin + EDGE, level), (end - EDGE, level), (end, 0.0)):
            yield f"{CYCLE * step + time:.9g}n {value:.9g}"


def _levels(volts: np.ndarray, before: float) -> Iterator[str]:
    """Corners of a voltage that takes another level in each cycle, ``before`` being that before the first."""
    yield f"0 {before:.9g}"
    for step, level in enumerate(volts.tolist()):
        yield f"{CYCLE * step + MOVES[0]:.9g}n {before:.9g}"
        yield f"{CYCLE * step + MOVES[1]:.9g}n {level:.9g}"
        before = level
