"""The options that ask for a circuit under other conditions, and what verbs say of neurons there."""

from typing import Annotated

import typer

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import circuit_of, conditions_of, load_circuit, on_circuit
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


def put_under(chip: Chip, corner: str | None, temperature: float | None, circuit: str | None) -> tuple[Chip, list[str]]:
    """``chip`` as these options ask for it, and what its neurons there are to be warned of; without any, as it is."""
    if (corner, temperature, circuit) == (None, None, None):
        return chip, []
    table = load_circuit(circuit_of(chip, circuit), corner, temperature)
    return on_circuit(chip, table), doubts_of(table)


def doubts_of(table: NeuronTable) -> list[str]:
    """A line if no network can work on ``table``."""
    fatal = judge(table).fatal
    return [f"{table.circuit} at {conditions_of(table)}: {fatal}"] if fatal else []


def words(text: str | None) -> list[str]:
    """The words of an option that takes several, with commas between."""
    return [word.strip() for word in text.split(",")] if text else []


def degrees(text: str | None) -> list[float]:
    """Temperatures of such an option; :class:`CaptwinError` if one is no number."""
    try:
        return [float(word) for word in words(text)]
    except ValueError:
        raise CaptwinError(f"--temperatures: expected deg C with commas between, such as -40,27, got {text}") from None
