"""Training over several conditions of a circuit: which tables these are, and which of them a batch sees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from captwin.hw.chip import Chip
from captwin.sim.neurons.circuits import circuit_conditions, ideal_twin, load_circuit, on_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable
from captwin.train.config import TrainConfig
from captwin.train.evaluate import exact_accuracy
from captwin.train.model.network import Network, Technology


def condition_tables(config: TrainConfig) -> dict[str, NeuronTable]:
    """The tables that training draws from, by the names of their conditions; none if it stays on the circuit's own.

    Raises :class:`CaptwinError` if there is no such table.
    """
    if config.conditions is None:
        return {}
    named = map(Conditions.of_name, () if config.conditions == "all" else config.conditions)
    tables = {}
    for each in tuple(named) or circuit_conditions(config.circuit):
        table = load_circuit(config.circuit, each.corner, each.temperature)
        tables[each.name] = ideal_twin(table) if config.neuron == "ideal" else table
    return tables


def technologies(network: Network, tables: Mapping[str, NeuronTable]) -> list[Technology]:
    """The technology of ``network`` on each of ``tables``; surrogate gradients stay as wide as on its own.

    Raises :class:`CaptwinError` if chips of the network cannot run on one of them.
    """
    own = network.technology
    if tables:
        chip = network.to_chip()
        for table in tables.values():
            on_circuit(chip, table)
    return [replace(own, neuron=quantise(table, own.neuron.formats), table=table) for table in tables.values()]


def drawn(places: Sequence[Technology], generator: torch.Generator) -> Iterator[Technology]:
    """One of ``places`` after the other, without end: all of them in random order, then all again in another, so that
    each has its share of every epoch. A single one takes nothing from ``generator``."""
    while True:
        order = torch.randperm(len(places), generator=generator).tolist() if len(places) > 1 else [0]
        for index in order:
            yield places[index]


def condition_accuracies(
    chip: Chip, tables: Mapping[str, NeuronTable], images: Tensor, labels: Tensor
) -> dict[str, float]:
    """The exact accuracy of ``chip`` on each of ``tables``."""
    return {name: exact_accuracy(on_circuit(chip, table), images, labels) for name, table in tables.items()}
