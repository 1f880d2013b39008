"""``captwin characterize``: a neuron netlist, measured in ngspice, as a table file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.hw.support.names import check_name
from captwin.scripts.conditions import degrees, words
from captwin.scripts.inspection.netlist import bias_rows
from captwin.scripts.options import PdkOption
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.output import JsonFlag, Row, file, note, progress_told, show
from captwin.scripts.terminal.verdict import condition_rows, held_out_rows, verdict_rows
from captwin.sim.neurons.circuits import conditions_of
from captwin.sim.neurons.conditions import TYPICAL, Conditions, listed
from captwin.sim.neurons.table import MOST_POINTS, NeuronTable
from captwin.sim.neurons.verdict import judge
from captwin.sim.spice.benches.bench import SPICE_CIRCUITS, Bench, check_corners, find_netlist, open_bench
from captwin.sim.spice.characterize import HeldOut, held_out
from captwin.sim.spice.characterize import characterize as run
from captwin.sim.spice.corners import characterize_under, every, table_places
from captwin.sim.spice.memory import default_cache

CIRCUITS = ", ".join(SPICE_CIRCUITS)


def characterize(
    circuit: Annotated[str, typer.Argument(help=f"{CIRCUITS}; with --netlist, what to call your own.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Table file [default: CIRCUIT.json].")] = None,
    points: Annotated[int, typer.Option(min=2, max=MOST_POINTS, help="Grid points on each axis.")] = 33,
    drive_points: Annotated[
        int | None, typer.Option(min=2, max=MOST_POINTS, help="Grid points on the axis of drives, if not as many.")
    ] = None,
    corner: Annotated[
        str, typer.Option(help="Corner of the PDK, or section of the models file: tt, ff, ss.")
    ] = TYPICAL.corner,
    temperature: Annotated[float, typer.Option(help="Temperature in deg C.")] = TYPICAL.temperature,
    corners: Annotated[
        str | None, typer.Option(help="Several corners, such as tt,ff,ss: a table for each, in the folder CIRCUIT.")
    ] = None,
    temperatures: Annotated[
        str | None, typer.Option(help="Several temperatures in deg C, such as -40,27,125: likewise.")
    ] = None,
    netlist: Annotated[
        Path | None,
        typer.Option(help="Your neuron, or a folder that holds it as CIRCUIT.cir: docs/own-neuron.md names its ports."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(help="File with your devices, the subcircuits nch and pch [default: our 180 nm cards]."),
    ] = None,
    pdk: PdkOption = None,
    c_column: Annotated[float | None, typer.Option(help="Column capacitance in F, in place of the netlist's.")] = None,
    c_membrane: Annotated[
        float | None, typer.Option(help="Membrane capacitance in F, in place of the netlist's.")
    ] = None,
    held_out_points: Annotated[
        int,
        typer.Option(
            "--held-out", min=1, max=100_000, help="Points off the grid that the table is checked at, if it is one."
        ),
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed that draws the points off the grid.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Measure a neuron netlist in ngspice, and write it as a neuron table; a run that was stopped goes on."""
    _check_circuit(circuit)
    path = output or Path(f"{circuit}.json")
    own = Conditions(corner, temperature)
    opened = partial(
        open_bench, circuit, netlist=netlist, models=models, pdk=pdk, c_column=c_column, c_membrane=c_membrane
    )

    def open_at(conditions: Conditions) -> Bench:
        return opened(conditions=conditions)

    if corners is not None or temperatures is not None:
        wanted = every(words(corners) or [corner], degrees(temperatures) or [temperature])
        places = table_places(path, wanted, own)
        check_corners(find_netlist(circuit, netlist), models, pdk, {each.corner for each in wanted})
        _several(circuit, open_at, places, (points, drive_points), as_json)
        return
    _keep_others(path, circuit, own)
    rows = _single(open_at(own), path, (points, drive_points), (held_out_points, seed))
    show(rows, "Characterised", as_json)


def _check_circuit(circuit: str) -> None:
    """Raises :class:`CaptwinError` if ``circuit`` is no name that a table can have."""
    try:
        check_name(circuit, "characterize")
    except CaptwinError as error:
        raise CaptwinError(f"{error}; a netlist's file goes to --netlist") from None


def _single(bench: Bench, path: Path, grid: tuple[int, int | None], off_grid: tuple[int, int]) -> list[Row]:
    """Measures one table and saves it; what there is to tell of it.

    ``grid`` is how many membranes and drives it has, ``off_grid`` how many points beside these check it, and the seed
    that draws them.
    """
    points, drives = grid
    with progress_told() as progress:
        table = run(bench, points, drive_points=drives, cache=default_cache(), progress=progress)
        table.save(path)
        check = held_out(bench, table, *off_grid, progress=progress)
    return [*_rows(table, check, path), *bias_rows(bench)]


def _several(
    circuit: str,
    open_at: Callable[[Conditions], Bench],
    places: dict[Conditions, Path],
    grid: tuple[int, int | None],
    as_json: bool,
) -> None:
    """Measures a table of ``circuit`` for each of the conditions, and shows them; those that fail are told at the end.

    ``grid`` is how many membranes and drives each has.
    """
    points, drives = grid
    for conditions, path in places.items():
        _keep_others(path, circuit, conditions)
    with progress_told() as progress:
        under = characterize_under(
            open_at, places, points, drive_points=drives, cache=default_cache(), progress=progress
        )
        results = list(under)
    failed = {each.conditions: each.failure for each in results if each.table is None}
    show([row for each in results for row in condition_rows(each)], "Characterised", as_json)
    if failed:
        first, reason = next(iter(failed.items()))
        rest = f" ({listed(failed)} failed; the other tables are written)" if len(results) > 1 else ""
        raise CaptwinError(f"{first}: {reason}{rest}")


def _rows(table: NeuronTable, check: HeldOut, path: Path) -> list[Row]:
    assert table.energy is not None
    least, middle, most = (float(joules) for joules in np.quantile(table.energy, [0, 0.5, 1]))
    energies = f"{energy_text(middle)} (from {energy_text(least)} to {energy_text(most)})"
    return [
        note("circuit", "circuit", table.circuit),
        note("conditions", "conditions", f"{table.corner}, {table.temperature:g} deg C, {table.supply:g} V"),
        note("grid", "grid", f"{len(table.v)} x {len(table.u)} x 2 points"),
        Row("energy_min_j", least, "", ""),
        Row("energy_max_j", most, "", ""),
        Row("energy_median_j", middle, "energy of a cycle", energies),
        *held_out_rows(check),
        *verdict_rows(judge(table)),
        file("table", "table", path),
    ]


def _keep_others(path: Path, circuit: str, conditions: Conditions) -> None:
    """Raises :class:`CaptwinError` if no file can stand at ``path``, or if something else stands there than an earlier
    table of ``circuit`` under ``conditions``."""
    if not file_target(path).is_file():
        return
    try:
        table = NeuronTable.load(path)
    except CaptwinError:
        raise CaptwinError(f"{path}: not replaced: this is no neuron table; name another with --output") from None
    if (table.circuit, conditions_of(table)) != (circuit, conditions):
        raise CaptwinError(
            f"{path}: not replaced: it holds {table.circuit} at {conditions_of(table)}; name another with --output"
        )
