"""The options that ask for a circuit under other conditions, and what verbs say of neurons there."""

from typing import Annotated

import numpy as np
import typer

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.output import Row
from captwin.scripts.quantities import energy_text
from captwin.sim.neurons.circuits import circuit_of, conditions_of, load_circuit, on_circuit
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import judge
from captwin.sim.spice.corners import Measured

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


def condition_rows(measured: Measured) -> list[Row]:
    """A line for what a table says of its neuron; for machines an object by the name of its conditions."""
    name, table = measured.conditions.name, measured.table
    if table is None:
        return [Row(name, {"failure": measured.failure}, str(measured.conditions), f"failed: {measured.failure}")]
    verdict = judge(table)
    assert table.energy is not None
    energy = float(np.median(table.energy))
    threshold = "never fires" if verdict.threshold is None else f"threshold {1e3 * verdict.threshold:.1f} mV"
    text = f"{threshold}, v_rest {table.v_rest:.4f} V, {energy_text(energy)} a cycle: {measured.path}"
    facts = {
        "table": str(measured.path),
        "v_rest_v": table.v_rest,
        "threshold_v": verdict.threshold,
        "energy_median_j": energy,
        "usable": verdict.fatal is None,
        "verdict": verdict.fatal,
        "warnings": list(verdict.warnings),
    }
    doubts = [Row("", None, " ", line) for line in ([verdict.fatal] if verdict.fatal else verdict.warnings)]
    return [Row(name, facts, str(measured.conditions), text), *doubts]


def words(text: str | None) -> list[str]:
    """The words of an option that takes several, with commas between."""
    return [word.strip() for word in text.split(",")] if text else []


def degrees(text: str | None) -> list[float]:
    """Temperatures of such an option; :class:`CaptwinError` if one is no number."""
    try:
        return [float(word) for word in words(text)]
    except ValueError:
        raise CaptwinError(f"--temperatures: expected deg C with commas between, such as -40,27, got {text}") from None
