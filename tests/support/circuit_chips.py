"""Small chips of a reference circuit with drawn weights, mapped as training maps them."""

from functools import cache

import torch

from captwin.hw.chip import Chip, Formats
from captwin.hw.encoders import make_encoder
from captwin.sim.devices.mapping_kinds import mapping_kind
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable
from captwin.train.model.network import Network, Technology


@cache
def reference_table() -> NeuronTable:
    """The table of the circuit that the chips are made for."""
    return load_circuit("charge_share")


def circuit_chip(
    seed: int,
    *,
    sizes: tuple[int, ...] = (12, 7, 4),
    kind: str = "one_sided",
    bias_share: float = 1 / 64,
    table: NeuronTable | None = None,
) -> Chip:
    """A chip of devices with C_on / C_off = 10 and 16 levels; weights are drawn from ``seed`` over all levels. Its
    neurons are those of ``table``, by default of the circuit above."""
    table = table or reference_table()
    mapping = mapping_kind(kind)(10.0, 16, 0.1, table.v_read)
    technology = Technology(quantise(table, Formats()), mapping, table, bias_share, True, 0.01)
    network = Network((1, sizes[0]), sizes[1:], make_encoder(steps=5), "most_spikes", technology, seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data.uniform_(-1.0, 1.0, generator=generator)
    return network.to_chip({"config": {"mapping": kind}})
