"""What a real-time core takes of an FPGA: every weight a constant in an adder tree, every neuron a look-up in a memory.

Such a core takes a time step a clock. Whether one fits follows from few numbers, which are known before training; they
are those of routed cores of 74 to 106 neurons on an ECP5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from captwin.hw.look_up import LookUp

#: lookup tables of four inputs for each weight that is not zero, and for each neuron
LUTS_A_WEIGHT, LUTS_A_NEURON = 1.7, 31
#: for encoder, readout and what is around them
LUTS_AROUND = 500


@dataclass(frozen=True)
class RealTimeLayer:
    """A layer, by what it takes."""

    weights: int  #: that are not zero
    neurons: int
    memory: LookUp  #: of each neuron


def real_time_luts(layers: Sequence[RealTimeLayer]) -> int:
    """Lookup tables of four inputs that a core of ``layers`` takes."""
    weights, neurons = (sum(each) for each in zip(*((layer.weights, layer.neurons) for layer in layers), strict=True))
    return round(LUTS_A_WEIGHT * weights + LUTS_A_NEURON * neurons) + LUTS_AROUND
