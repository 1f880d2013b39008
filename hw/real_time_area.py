"""What a real-time core takes of an FPGA: every weight a constant in an adder tree, every neuron a look-up in a memory.

Such a core takes a time step a clock. Whether one fits follows from few numbers, which are known before training. They
are fitted to Yosys's `synth_ecp5` of two cores without link and self-test: `digits-realtime`, and one of 784-64-10 with
19,250 weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from captwin.hw.chip import Chip
from captwin.hw.look_up import LookUp, look_up_of

#: lookup tables of four inputs, carries among them, for each weight that is not zero, and for each neuron
LUTS_A_WEIGHT, LUTS_A_NEURON = 2.2, 31
#: for each pixel, by the kind of encoder: with `rate`, an adder of its own and the image that arrives meanwhile
LUTS_A_PIXEL = {"rate": 11, "static": 1}
#: for the readout, and for the memories that put time steps into another order
LUTS_AROUND = 1_000


@dataclass(frozen=True)
class RealTimeLayer:
    """A layer, by what it takes."""

    weights: int  #: that are not zero
    neurons: int
    memory: LookUp  #: of each neuron


@dataclass(frozen=True)
class RealTimeSize:
    """A real-time core, by what it takes."""

    pixels: int
    encoder: str  #: its kind
    layers: Sequence[RealTimeLayer]

    @property
    def weights(self) -> int:
        """Of all layers, those that are not zero."""
        return sum(layer.weights for layer in self.layers)

    @property
    def luts(self) -> int:
        """Lookup tables of four inputs."""
        neurons = sum(layer.neurons for layer in self.layers)
        # No other kind has gates for real time; an estimate of it is that of the larger encoder.
        pixels = LUTS_A_PIXEL.get(self.encoder, max(LUTS_A_PIXEL.values())) * self.pixels
        return round(LUTS_A_WEIGHT * self.weights + LUTS_A_NEURON * neurons) + pixels + LUTS_AROUND


def real_time_size(chip: Chip) -> RealTimeSize | None:
    """The core of ``chip``; None if a layer needs interpolation."""
    layers = []
    for layer in chip.layers:
        memory = look_up_of(layer, chip.formats)
        if memory is None:
            return None
        layers.append(RealTimeLayer(int((layer.charges != 0).sum()), layer.columns, memory))
    return RealTimeSize(chip.pixels, chip.encoder.kind, tuple(layers))
