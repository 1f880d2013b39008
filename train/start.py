"""Training that begins with the weights of a chip in place of drawn ones."""

import numpy as np
import torch

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.train.model.network import Network


@torch.no_grad()
def begin_with(network: Network, chip: Chip) -> None:
    """Gives ``network`` the weights and biases of ``chip``: the largest weight of each layer becomes its largest, and
    biases keep their volts as far as they reach. Raises :class:`CaptwinError` if the two have other layers."""
    sizes = (network.image[0] * network.image[1], *(layer.weight.shape[1] for layer in network.circuit_layers))
    if chip.sizes != sizes:
        ours, theirs = ("-".join(map(str, each)) for each in (sizes, chip.sizes))
        raise CaptwinError(f"start: a chip of {theirs} cannot begin a network of {ours}; set hidden to the chip's")
    for layer, given in zip(network.circuit_layers, chip.layers, strict=True):
        charges = given.charges.astype(np.float32)
        layer.weight.copy_(torch.tensor(charges / max(1.0, float(np.abs(charges).max()))))
        layer.prune(0.0)
        volts = given.scale.drives(chip.formats).volts(given.offsets / (1 << given.shift))
        full = layer.charge_volts() * layer.bias_width * layer.technology.mapping.top
        layer.bias.copy_(torch.tensor(np.clip(volts / full, -1.0, 1.0), dtype=torch.float32))
