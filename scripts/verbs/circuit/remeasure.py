"""``captwin remeasure``: a circuit's neuron tables against ngspice once more."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.support.errors import CaptwinError
from captwin.scripts.options import PdkOption
from captwin.scripts.terminal.output import JsonFlag, Row, note, progress_told, show
from captwin.sim.fidelity.remeasure import SHARE, VOLTS, Remeasured
from captwin.sim.fidelity.remeasure import remeasure_circuit as run
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import MOST_POINTS, NeuronTable
from captwin.sim.spice.benches.bench import Bench, open_bench


def remeasure(
    circuit: Annotated[
        str, typer.Argument(help="A reference circuit, or a neuron table; then --netlist names its own.")
    ],
    points: Annotated[
        int, typer.Option(min=2, max=MOST_POINTS, help="Points of each axis that are simulated again, at most.")
    ] = 5,
    corner: Annotated[str | None, typer.Option(help="Only the table for this process corner, such as ss.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Only the table for this many deg C.")] = None,
    netlist: Annotated[Path | None, typer.Option(help="The netlist of a table of yours.")] = None,
    models: Annotated[Path | None, typer.Option(help="File with its devices, as for characterize.")] = None,
    pdk: PdkOption = None,
    volts: Annotated[float, typer.Option(min=0, help="Largest difference of a membrane that is right, in V.")] = VOLTS,
    energy: Annotated[
        float | None,
        typer.Option(
            min=0,
            help=f"Largest difference of an energy that is right, a share [default: {SHARE:g}; docs/own-neuron.md].",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Simulate some cycles of a circuit's tables again in ngspice, and compare; all its corners and temperatures."""

    def open_for(table: NeuronTable) -> Bench:
        return open_bench(
            table.circuit,
            netlist=netlist,
            models=models,
            pdk=pdk,
            conditions=Conditions(table.corner, table.temperature),
            c_column=table.c_column,
            c_membrane=table.c_membrane,
        )

    rows, wrong = [note("circuit", "circuit", load_circuit(circuit).circuit)], []
    with progress_told() as progress:
        for result in run(circuit, open_for, points, corner=corner, temperature=temperature, progress=progress):
            right = result.right(volts, energy)
            rows.append(_row(result, right=right))
            if not right:
                wrong.append(str(result.conditions))
    show(rows, "Measured again", as_json)
    if wrong:
        raise CaptwinError(
            f"{circuit}: ngspice differs from the table at {'; '.join(wrong)}; captwin characterize makes it anew"
        )


def _row(result: Remeasured, *, right: bool) -> Row:
    drawn = "" if result.energy is None else f", energy by {100 * result.energy:.3f} %"
    origin = "" if result.same_source else "; the table was made from another netlist, models or bench"
    text = (
        f"{'equal' if right else 'DIFFERS'}: {result.cycles} cycles, membranes differ by {1e6 * result.membrane:.1f} uV"
        f" at most{drawn}, {result.wrong} of {result.decisions} spikes are others{origin}"
    )
    facts = {
        "equal": right,
        "same_source": result.same_source,
        "cycles": result.cycles,
        "membrane_v": result.membrane,
        "energy_share": result.energy,
        "decisions": result.decisions,
        "wrong_spikes": result.wrong,
    }
    return Row(result.conditions.name, facts, str(result.conditions), text)
