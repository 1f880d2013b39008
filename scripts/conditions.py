"""The options that ask for a circuit under other conditions, and what verbs say of neurons that fail there."""

from typing import Annotated

import typer

from captwin.sim.neurons.circuits import conditions_of
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import judge

CornerOption = Annotated[
    str | None, typer.Option(help="Run on the circuit's table for this process corner, such as ss.")
]
TemperatureOption = Annotated[float | None, typer.Option(help="Run on the circuit's table for this many deg C.")]
ChipCircuitOption = Annotated[
    str | None,
    typer.Option(help="Run on this circuit: a reference circuit, or a neuron table [default: the chip's own]."),
]


def doubts_of(table: NeuronTable) -> list[str]:
    """A line if no network can work on ``table``."""
    fatal = judge(table).fatal
    return [f"{table.circuit} at {conditions_of(table)}: {fatal}"] if fatal else []
