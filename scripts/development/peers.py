"""One training step of the network of `mnist` with plain leaky integrate-and-fire neurons, in other frameworks.

For ``make bench`` only, which installs them. The layers are fully connected, their neurons the framework's own, the
loss is cross-entropy of the output spikes, the optimiser Adam; every step is fed the spikes that Captwin's encoder
makes.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

#: trains on (images, pixels) uint8 and their labels, once
TrainStep = Callable[[Tensor, Tensor], None]
Encode = Callable[[Tensor], Tensor]  #: (images, pixels) uint8 to (steps, images, pixels) booleans


def snntorch_step(sizes: tuple[int, ...], encode: Encode) -> TrainStep:
    """snnTorch: ``Leaky`` neurons, a loop over the time steps."""
    import snntorch
    from snntorch import surrogate

    linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    neurons = [snntorch.Leaky(beta=0.5, spike_grad=surrogate.fast_sigmoid()) for _ in linear]

    def count(spikes: Tensor) -> Tensor:
        states = [neuron.init_leaky() for neuron in neurons]
        total: Tensor | int = 0
        for now in spikes:
            for index, (layer, neuron) in enumerate(zip(linear, neurons, strict=True)):
                now, states[index] = neuron(layer(now), states[index])
            total = total + now
        assert isinstance(total, Tensor)
        return total

    return _step(nn.ModuleList([*linear, *neurons]), lambda pixels: count(encode(pixels).float()))


def spikingjelly_step(sizes: tuple[int, ...], encode: Encode) -> TrainStep:
    """SpikingJelly: ``LIFNode`` in multi-step mode, its PyTorch backend."""
    from spikingjelly.activation_based import functional, layer, neuron

    blocks: list[nn.Module] = []
    for a, b in pairwise(sizes):
        blocks += [layer.Linear(a, b, step_mode="m"), neuron.LIFNode(tau=2.0, step_mode="m")]
    network = nn.Sequential(*blocks)

    def count(pixels: Tensor) -> Tensor:
        functional.reset_net(network)
        spikes: Tensor = network(encode(pixels).float())
        return spikes.sum(0)

    return _step(network, count)


def _step(network: nn.Module, count: Callable[[Tensor], Tensor]) -> TrainStep:
    optimizer = torch.optim.Adam(network.parameters())

    def step(pixels: Tensor, labels: Tensor) -> None:
        loss = cross_entropy(count(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step
