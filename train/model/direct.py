"""Neurons without interpolation, as training sees them: their drives' axis follows the charge of the layer."""

from dataclasses import dataclass, field

import numpy as np

from captwin.hw.chip import Formats
from captwin.sim.neurons.direct import DirectNeuron, direct_scale, quantise_direct
from captwin.sim.neurons.table import NeuronTable
from captwin.train.model.kernels import Curves


@dataclass(frozen=True, eq=False)
class DirectNeurons:
    """The neurons of a layer whose charge code is ``step`` drive codes."""

    table: NeuronTable
    formats: Formats
    step: int  #: drive codes, a power of two
    below: float  #: reach of the membrane's axis under rest, in rises at which an ideal neuron fires
    above: float  #: the same over rest
    _made: dict[float, DirectNeuron] = field(default_factory=dict, repr=False)

    def neuron(self, charge: float) -> DirectNeuron:
        """The neuron in a layer whose charge code is ``charge`` V of drive; the last one is kept."""
        if charge not in self._made:
            scale = direct_scale(self.table, self.formats, charge, self.step, self.below, self.above)
            self._made.clear()
            self._made[charge] = quantise_direct(self.table, self.formats, scale, self.step)
        return self._made[charge]

    @property
    def middle(self) -> int:
        """Drive code of 0 V."""
        return 1 << (self.formats.drive_bits - 1)


def direct_curves(neuron: DirectNeuron, surrogate_width: float, noise: float) -> Curves:
    """``neuron`` for the kernels; ``surrogate_width`` and ``noise`` are in V of drive."""
    formats = neuron.formats
    return Curves(
        surfaces=neuron.smooth.reshape(-1, formats.membrane_knots, formats.drive_knots),
        thresholds=neuron.thresholds.astype(np.float32),
        rest=float(neuron.rest),
        v_step=float(1 << formats.membrane_fraction),
        u_step=float(1 << formats.drive_fraction),
        rounded=True,
        surrogate_width=surrogate_width / neuron.drives.lsb,
        noise=noise / neuron.drives.lsb,
        whole=float(1 << formats.membrane_fraction),
    )
