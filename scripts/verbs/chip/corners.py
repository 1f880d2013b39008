"""``captwin corners``: a chip, or a circuit alone, over all corners and temperatures that there are tables for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import visible
from captwin.scripts.conditions import ChipCircuitOption, doubts_of
from captwin.scripts.datasheet.corners import circuit_panels, threshold_panel
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.activity import warn
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, note, print_table, progress_told, share, show
from captwin.sim.corners import ChipAt, CircuitAt, chip_corners, circuit_corners
from captwin.sim.plots.circuits.corners import Panel, draw_corners
from captwin.sim.plots.style import png_target, save_png, style
from captwin.train.zoo import chip_dataset, chip_name, load_chip


def corners(
    chip: Annotated[
        str | None, typer.Argument(help="A chip file, or the name of a pre-trained chip; without one, --circuit alone.")
    ] = None,
    circuit: ChipCircuitOption = None,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Test images [default: all].")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="PNG file for the same as heat maps.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a chip, or look at a circuit, over all corners and temperatures that its circuit was measured at."""
    if output is not None:
        png_target(output)
    places: Sequence[CircuitAt]
    if chip is None:
        if circuit is None:
            raise CaptwinError("corners: name a chip, or a circuit alone with --circuit")
        if data is not None or images is not None:
            raise CaptwinError("corners: a circuit alone runs no images; name a chip, or leave out --data and --images")
        places = circuit_corners(circuit)
        panels, about, rows = circuit_panels(places), [note("circuit", "circuit", circuit)], []
        title = circuit
    else:
        loaded = load_chip(chip)
        dataset = chip_dataset(loaded, data)
        pixels, labels = dataset.test_images[:images], dataset.test_labels[:images]
        with progress_told() as progress:
            results = places = chip_corners(loaded, pixels, labels, circuit=circuit, progress=progress)
        panels, rows = _chip_panels(results), _summary(results)
        about = [
            note("chip", "chip", chip),
            note("circuit", "circuit", circuit or loaded.analog.circuit),
            note("data", "data", f"{dataset.name}, test set"),
            count("images", "images", len(labels)),
        ]
        title = f"{chip_name(chip)} on {circuit or loaded.analog.circuit}, {len(labels):,} images"
    if output is not None:
        with style():
            save_png(draw_corners([at.conditions for at in places], panels, f"{title} (framed: its own table)"), output)
    if not as_json:
        print_table(_table(places, panels, title))
    machine = Row("conditions", [_for_machines(at) for at in places], "", "")
    show([*about, *rows, machine, file("picture", "picture", output)], "Corners", as_json)
    warn(line for at in places for line in doubts_of(at.table))


def _table(places: Sequence[CircuitAt], panels: Sequence[Panel], title: str) -> Table:
    """A line for each of the conditions, with what the picture has."""
    table = Table(title=Text(visible(title)), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("corner")
    for name in ("deg C", *(panel.title for panel in panels)):
        table.add_column(Text(name), justify="right")
    for number, at in enumerate(places):
        values = [(panel, panel.values[number]) for panel in panels]
        cells = [panel.missing if value is None else panel.text(value) for panel, value in values]
        table.add_row(at.conditions.corner, f"{at.conditions.temperature:g}", *cells)
    return table


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _millivolts(value: float) -> str:
    return f"{1e3 * value:.1f}"


def _chip_panels(places: Sequence[ChipAt]) -> list[Panel]:
    active = [at.evaluation.activity.layers for at in places]
    return [
        Panel("accuracy [%]", [at.evaluation.accuracy for at in places], lambda value: f"{100 * value:.2f}"),
        Panel("energy an image", [_energy(at) for at in places], energy_text, "unknown"),
        *(
            Panel(f"spikes, layer {number} [%]", [layers[number].spike_rate for layers in active], _percent)
            for number in range(len(active[0]))
        ),
        Panel("clamped drives, most [%]", [max(layer.clamped for layer in layers) for layers in active], _percent),
        threshold_panel(places),
    ]


def _energy(at: ChipAt) -> float | None:
    report = at.evaluation.energy
    return None if report is None else float(report.total.mean())


def _summary(places: Sequence[ChipAt]) -> list[Row]:
    """The circuit's own table, the mean over all, and the worst."""
    accuracies = [at.evaluation.accuracy for at in places]
    worst = min(places, key=lambda at: at.evaluation.accuracy)
    least, loss = worst.evaluation.accuracy, accuracies[0] - worst.evaluation.accuracy
    return [
        share("golden_accuracy", f"accuracy at {places[0].conditions}", accuracies[0]),
        share("mean_accuracy", "accuracy, mean over all conditions", sum(accuracies) / len(accuracies)),
        Row("worst_accuracy", least, "accuracy, worst", f"{100 * least:.2f} % at {worst.conditions}"),
        Row("worst_conditions", worst.conditions.name, "", ""),
        Row("points_lost", 100 * loss, "lost there", f"{100 * loss:.2f} points"),
    ]


def _for_machines(at: CircuitAt) -> dict[str, Any]:
    """Everything of one of the conditions, with units in the keys."""
    verdict = at.verdict
    facts = {
        "corner": at.conditions.corner,
        "temperature_c": at.conditions.temperature,
        "threshold_v": verdict.threshold,
        "threshold_after_spike_v": verdict.threshold_after_spike,
        "leak": verdict.leak,
        "rest_shift_v": verdict.rest_shift,
        "reset_left": verdict.reset_left,
        "rest_v": at.table.v_rest,
        "cycle_energy_j": at.energy,
        "usable": verdict.fatal is None,
        "verdict": verdict.fatal,
    }
    if isinstance(at, ChipAt):
        layers = at.evaluation.activity.layers
        facts |= {
            "golden_accuracy": at.evaluation.accuracy,
            "energy_j": _energy(at),
            "spike_rates": [layer.spike_rate for layer in layers],
            "clamped_drives": [layer.clamped for layer in layers],
            "warnings": at.evaluation.activity.warnings(),
        }
    return facts
