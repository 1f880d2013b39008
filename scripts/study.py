"""``captwin study``: what circuit-aware training wins back, over circuits, mappings and devices."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hw.files import write_atomically
from scripts.output import JsonFlag, Row, count, file, progress_bar, show
from sim.analog.circuits import circuit_names
from train.study import BASE_LEVELS, BASE_RATIO, Outcome, to_csv
from train.study import study as run
from train.study_picture import picture


def study(
    data: Annotated[str, typer.Option(help="digits or mnist.")] = "digits",
    seeds: Annotated[int, typer.Option(min=1, help="Networks for each point.")] = 3,
    sweeps: Annotated[bool, typer.Option(help="Levels, ratios and spreads, or the base case alone.")] = True,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the committed configuration's.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder [default: runs/study-DATA].")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train ideal and circuit-aware networks over devices and run them on the circuits; goes on where stopped."""
    folder = output or Path("runs") / f"study-{data}"
    with progress_bar() as bar:
        task = bar.add_task("training", total=None)
        outcomes = run(
            data,
            tuple(circuit_names()),
            seeds,
            folder / "cache",
            sweeps=sweeps,
            epochs=epochs,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    write_atomically(folder / "study.csv", to_csv(outcomes))
    title = f"{data}: ideal-trained and circuit-aware networks on SPICE circuits, {seeds} seeds"
    write_atomically(folder / "study.png", picture(outcomes, title))
    rows = [count("outcomes", "accuracies measured", len(outcomes))]
    for circuit in circuit_names():
        rows += _summary(circuit, outcomes)
    rows += [file("csv", "all numbers", folder / "study.csv"), file("picture", "picture", folder / "study.png")]
    show(rows, f"Study: {data}, {BASE_LEVELS} levels, C_on/C_off {BASE_RATIO:g}, no spread", as_json)


def _summary(circuit: str, outcomes: list[Outcome]) -> list[Row]:
    """The base case of ``circuit``: both mappings, in per cent, mean over seeds and range."""
    rows = []
    for mapping in ("one_sided", "complementary"):
        ours = [
            outcome
            for outcome in outcomes
            if (outcome.circuit, outcome.mapping, outcome.levels, outcome.ratio, outcome.sigma_c)
            == (circuit, mapping, BASE_LEVELS, BASE_RATIO, 0)
        ]
        chosen = {
            "ideal_on_ideal": [o.accuracy for o in ours if o.run_on == "ideal twin"],
            "ideal_on_circuit": [o.accuracy for o in ours if o.trained == "ideal" and o.run_on == "circuit"],
            "aware_on_circuit": [o.accuracy for o in ours if o.trained == "aware"],
        }
        for key, values in chosen.items():
            text = f"{100 * np.mean(values):.2f} % ({100 * min(values):.2f} to {100 * max(values):.2f})"
            label = f"{circuit}, {mapping}: {key.replace('_', ' ')}"
            rows.append(Row(f"{circuit}_{mapping}_{key}", float(np.mean(values)), label, text))
    return rows
