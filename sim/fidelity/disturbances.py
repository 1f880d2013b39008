"""One draw of noise as both models take it: integers of the twin, and charges and volts in ngspice."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.noise import NoiseSource, column_share
from captwin.sim.spice.benches.disturbance import Disturbance


@dataclass(frozen=True, eq=False)
class LayerNoise:
    """The noise of a layer's neurons under some images."""

    integers: np.ndarray  #: (images, steps, columns, TERMS), as :meth:`NoiseSource.draw` gives them
    #: (images, steps, columns) C and V, by the names of :class:`Disturbance`
    in_spice: dict[str, np.ndarray]

    def disturbance(self, image: int, neuron: int) -> Disturbance:
        """What noise does to the column of one neuron under one image."""
        return Disturbance(**{name: values[image, :, neuron] for name, values in self.in_spice.items()})


def layer_noise_of(chip: Chip, source: NoiseSource, number: int, images: int) -> LayerNoise:
    """Draws the noise of layer ``number`` of ``chip`` under the first ``images`` of a run, for both models.

    In ngspice the decision's noise is a charge on the column that moves the membrane while the comparator looks, and is
    taken from it again once the neuron has decided.
    """
    layer, formats, analog = chip.layers[number], chip.formats, chip.analog
    integers = source.draw(number, range(images))
    own = source.draw(number, range(images), reference=False)
    u_lsb, v_lsb = layer.scale.drives(formats).lsb, layer.scale.membranes(formats).lsb
    u, d = u_lsb / (1 << layer.shift), u_lsb / (1 << formats.membrane_fraction)
    v = v_lsb / (1 << (formats.membrane_fraction + formats.drive_fraction))
    c_column, share = layer.c_column.astype(np.float64), column_share(analog, layer.c_column)
    as_drive = own[..., 2] * -d  # a higher threshold is as less drive
    restored = as_drive * drive_slope(layer, formats)
    return LayerNoise(
        integers=integers,
        in_spice={
            "column": (own[..., 0] * u + as_drive) * c_column,
            "after_spike": own[..., 1] * u * share / (1 - share) * analog.c_membrane,
            "membrane": (own[..., 3] * v - restored) * analog.c_membrane,
            "reference": (integers - own)[..., 0] * u,
        },
    )
