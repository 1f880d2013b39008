"""``captwin periphery``: what a circuit's chips have around their neurons, measured in ngspice."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.scripts.conditions import degrees, words
from captwin.scripts.options import PdkOption
from captwin.scripts.quantities import energy_text, quantity
from captwin.scripts.terminal.output import JsonFlag, Row, file, note, progress_told, show
from captwin.sim.neurons.circuits import circuit_conditions, circuit_names
from captwin.sim.neurons.conditions import TYPICAL, Conditions, listed
from captwin.sim.periphery.circuit import REGULATOR_CURRENT, Measured, measure_circuit
from captwin.sim.periphery.circuit_file import CircuitPeriphery
from captwin.sim.spice.benches.bench import Bench, open_bench
from captwin.sim.spice.corners import every


def periphery(
    circuit: Annotated[str, typer.Argument(help="A circuit on a PDK; with --netlist, what your own is called.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file: periphery.json in the folder of the circuit's tables."),
    ] = None,
    corners: Annotated[
        str | None, typer.Option(help="Corners, such as tt,ss [default: with those of the circuit's tables].")
    ] = None,
    temperatures: Annotated[str | None, typer.Option(help="Temperatures in deg C, such as 27,125: likewise.")] = None,
    netlist: Annotated[Path | None, typer.Option(help="Your neuron's netlist.")] = None,
    pdk: PdkOption = None,
    rail: Annotated[
        float | None,
        typer.Option(min=0.1, max=10, help="V of the gates of the rows' switches [default: by v_read and the PDK]."),
    ] = None,
    switch_width: Annotated[
        float | None,
        typer.Option(min=1, max=1e12, help="m of the transistor that takes a row line up, a F of its load."),
    ] = None,
    regulator_current: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"A that the regulator of v_read draws for itself, if there is one [default: {REGULATOR_CURRENT:g}].",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure row drivers, clock drivers and references of a circuit's chips, as transistors of its PDK, in ngspice.

    What the file holds of other conditions is kept, and the drivers stay as large as they are there.
    """
    wanted = _wanted(circuit, corners, temperatures, own=netlist is None)
    before = None if output is None else _before(output, circuit, wanted)
    opened = partial(open_bench, circuit, netlist=netlist, pdk=pdk)

    def open_at(conditions: Conditions) -> Bench:
        return opened(conditions=conditions)

    with progress_told() as progress:
        whole, measured = measure_circuit(
            open_at,
            wanted,
            f"{datetime.now(UTC):%Y-%m-%d}",
            rail=rail,
            switch_width=switch_width,
            regulator_current=regulator_current,
            before=before,
            progress=progress,
        )
    if output is not None:
        whole.save(output)
    told = [*_rows(whole), *_kept(before, wanted), *(_condition_row(whole, each) for each in measured)]
    show([*told, file("file", "file", output)], "Periphery", as_json)


def _wanted(circuit: str, corners: str | None, temperatures: str | None, *, own: bool) -> list[Conditions]:
    if corners is None and temperatures is None and own and circuit in circuit_names():
        return list(circuit_conditions(circuit))
    return every(words(corners) or [TYPICAL.corner], degrees(temperatures) or [TYPICAL.temperature])


def _before(path: Path, circuit: str, wanted: Sequence[Conditions]) -> CircuitPeriphery | None:
    """What the file ``path`` holds, if it is to be kept of conditions that are not ``wanted``.

    Raises :class:`CaptwinError` if no file can stand at ``path``, or if something else stands there than an earlier
    periphery of ``circuit``.
    """
    if not file_target(path).is_file():
        return None
    try:
        before = CircuitPeriphery.load(path)
    except CaptwinError:
        raise CaptwinError(f"{path}: not replaced: this is no periphery; name another with --output") from None
    if before.circuit != circuit:
        raise CaptwinError(f"{path}: not replaced: it is of {before.circuit}; name another with --output")
    return before if _others(before, wanted) else None


def _others(before: CircuitPeriphery, wanted: Sequence[Conditions]) -> list[Conditions]:
    """Conditions of ``before`` that are not ``wanted``."""
    return [each for each in map(Conditions.of_name, before.conditions) if each not in wanted]


def _kept(before: CircuitPeriphery | None, wanted: Sequence[Conditions]) -> list[Row]:
    """What the file keeps of an earlier measurement."""
    return [] if before is None else [note("kept", "kept from before", listed(_others(before, wanted)))]


def _rows(whole: CircuitPeriphery) -> list[Row]:
    return [
        note("circuit", "circuit", whole.circuit),
        note("pdk", "PDK", whole.pdk),
        Row("rail_v", whole.rail, "gates of the rows' switches", f"{whole.rail:g} V"),
        Row("clock_wire_f", whole.clock_wire, "clock lines, a neuron", quantity(whole.clock_wire, "F")),
    ]


def _condition_row(whole: CircuitPeriphery, measured: Measured) -> Row:
    """All that was found under one of the conditions."""
    found = whole.conditions[measured.conditions.name]
    rows, clocks = found.row_driver, found.clock_driver
    text = (
        f"row driver {energy_text(rows.swing)} + {rows.swing_per_farad:.3f} fJ/fF, settled after"
        f" {1e9 * measured.rows.slowest:.2f} ns, leaks {quantity(rows.leakage, 'W')}; clock driver"
        f" {energy_text(clocks.swing)} + {clocks.swing_per_farad:.3f} fJ/fF, edges of"
        f" {1e9 * measured.clocks.slowest:.2f} ns; clock gates {quantity(found.clock_gates, 'F')} on"
        f" {found.clock_lines} lines; bias {quantity(found.bias_current, 'A')}"
    )
    facts = {
        "row_swing_j": rows.swing,
        "row_swing_j_per_f": rows.swing_per_farad,
        "row_leakage_w": rows.leakage,
        "row_leakage_w_per_f": rows.leakage_per_farad,
        "row_settled_s": measured.rows.slowest,
        "row_error": measured.rows.error,
        "clock_swing_j": clocks.swing,
        "clock_swing_j_per_f": clocks.swing_per_farad,
        "clock_leakage_w": clocks.leakage,
        "clock_leakage_w_per_f": clocks.leakage_per_farad,
        "clock_edge_s": measured.clocks.slowest,
        "clock_error": measured.clocks.error,
        "clock_gates_f": found.clock_gates,
        "clock_lines": found.clock_lines,
        "bias_current_a": found.bias_current,
        "regulator_current_a": found.regulator_current,
    }
    return Row(measured.conditions.name, facts, str(measured.conditions), text)
