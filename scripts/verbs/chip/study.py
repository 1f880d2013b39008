"""``captwin study``: what circuit-aware training wins back, over circuits, mappings and devices."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.hw.support.files import write_atomically
from captwin.hw.support.locks import locked_folder
from captwin.scripts.conditions import words
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, progress_told, results_folder, show
from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.sim.plots.style import save_png
from captwin.train.datasets.catalogue import DATASETS, load_dataset
from captwin.train.studies.picture import draw_study
from captwin.train.studies.study import BASE_LEVELS, BASE_RATIO, Outcome, to_csv
from captwin.train.studies.study import study as run

DATA = " or ".join(DATASETS)


def study(
    data: Annotated[str, typer.Option(help=f"{DATA}.")] = "digits",
    circuits: Annotated[
        str | None,
        typer.Option(
            help="Reference circuits or neuron tables, with commas between [default: all reference circuits]."
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="Networks for each point.")] = 3,
    sweeps: Annotated[bool, typer.Option(help="Levels, ratios and spreads, or the base case alone.")] = True,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Instead of the committed configuration's.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder [default: runs/study-DATA].")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train ideal and circuit-aware networks over devices and run them on the circuits; goes on where stopped."""
    load_dataset(data)
    chosen = tuple(dict.fromkeys(words(circuits))) or tuple(circuit_names())
    for circuit in chosen:
        load_circuit(circuit)
    folder = results_folder(output or Path("runs") / f"study-{data}")
    with locked_folder(folder):
        outcomes = _run(data, chosen, seeds, folder, sweeps, epochs)
        write_atomically(folder / "study.csv", to_csv(outcomes))
        title = f"{data}: ideal-trained and circuit-aware networks on SPICE circuits, {seeds} seeds"
        save_png(draw_study(outcomes, title), folder / "study.png")
    rows = [count("outcomes", "accuracies measured", len(outcomes))]
    for circuit in chosen:
        rows += _summary(circuit, outcomes)
    rows += [file("csv", "all numbers", folder / "study.csv"), file("picture", "picture", folder / "study.png")]
    show(rows, f"Study: {data}, {BASE_LEVELS} levels, C_on/C_off {BASE_RATIO:g}, no spread", as_json)


def _run(
    data: str, circuits: tuple[str, ...], seeds: int, folder: Path, sweeps: bool, epochs: int | None
) -> list[Outcome]:
    with progress_told() as progress:
        return run(
            data,
            circuits,
            seeds,
            folder / "cache",
            sweeps=sweeps,
            epochs=epochs,
            progress=progress,
        )


def _summary(circuit: str, outcomes: list[Outcome]) -> list[Row]:
    """The base case of ``circuit``: both mappings, mean over seeds and range, and the points lost to the ideal twin."""
    rows = []
    for mapping in MAPPINGS:
        base = (circuit, mapping, BASE_LEVELS, BASE_RATIO, 0)
        at_base = [
            outcome
            for outcome in outcomes
            if (outcome.circuit, outcome.mapping, outcome.levels, outcome.ratio, outcome.sigma_c) == base
        ]
        accuracies = {
            "ideal_on_ideal": [outcome.accuracy for outcome in at_base if outcome.run_on == "ideal twin"],
            "ideal_on_circuit": [
                outcome.accuracy for outcome in at_base if outcome.trained == "ideal" and outcome.run_on == "circuit"
            ],
            "aware_on_circuit": [outcome.accuracy for outcome in at_base if outcome.trained == "aware"],
        }
        best = float(np.mean(accuracies["ideal_on_ideal"]))
        for key, values in accuracies.items():
            mean = float(np.mean(values))
            text = f"{100 * mean:.2f} % ({100 * min(values):.2f} to {100 * max(values):.2f})"
            if key != "ideal_on_ideal":
                text += f", {100 * (mean - best):+.2f} points"
            label = f"{circuit}, {mapping}: {key.replace('_', ' ')}"
            rows.append(Row(f"{circuit}_{mapping}_{key}", mean, label, text))
    return rows
