"""``captwin train``: a network, trained with the circuit's nonlinearity, as a chip file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hw.support.errors import CaptwinError
from scripts.output import JsonFlag, Row, count, file, log, note, progress_bar, share, show
from sim.analog.circuits import circuit_names
from train.config import load_config
from train.loop import train as run

CIRCUITS = " or ".join(circuit_names())


def train(
    data: Annotated[str | None, typer.Option(help="Data set, and so its committed configuration.")] = None,
    config: Annotated[str | None, typer.Option(help="Another configuration: a name or a TOML file.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Run folder [default: runs/CONFIG].")] = None,
    hidden: Annotated[str | None, typer.Option(help="Hidden layers, for instance 256,128; '' for none.")] = None,
    steps: Annotated[int | None, typer.Option(help="Time steps of an inference.")] = None,
    encoder: Annotated[str | None, typer.Option(help="rate, bernoulli or latency.")] = None,
    readout: Annotated[str | None, typer.Option(help="most_spikes or first_spike.")] = None,
    circuit: Annotated[str | None, typer.Option(help=f"{CIRCUITS}, or a neuron table's file.")] = None,
    neuron: Annotated[str | None, typer.Option(help="circuit, or ideal: the circuit's perfect twin.")] = None,
    mapping: Annotated[str | None, typer.Option(help="complementary or one_sided.")] = None,
    levels: Annotated[int | None, typer.Option(help="Levels of a memcapacitor; 0: unquantised weights.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    seed: Annotated[int | None, typer.Option(help="One seed gives one chip file.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run folder's checkpoint stops.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a network on the circuit and export it as a chip; Ctrl-C keeps the best so far."""
    if (data is None) == (config is None):
        raise CaptwinError("train: say what to train on: either --data digits or mnist, or --config FILE")
    said: dict[str, Any] = {
        "hidden": _sizes(hidden) if hidden is not None else None,
        "readout": readout,
        "circuit": circuit,
        "neuron": neuron,
        "mapping": mapping,
        "levels": levels,
        "epochs": epochs,
        "seed": seed,
        "encoder": {key: value for key, value in (("steps", steps), ("kind", encoder)) if value is not None} or None,
    }
    settings = load_config(config or data or "", **{key: value for key, value in said.items() if value is not None})
    folder = output or Path("runs") / Path(config or data or "").stem
    result = run(settings, folder, device=device, resume=resume, progress=progress_bar())
    if result.interrupted:
        log.print(f"captwin: stopped after {result.epochs_done} epochs; --resume goes on")
    show(
        [
            note("data", "data", settings.data),
            note("circuit", "circuit", result.chip.analog.circuit),
            note("layers", "layers", "-".join(str(size) for size in result.chip.sizes)),
            count("epochs", "epochs", result.epochs_done),
            share("train_mode_accuracy", "accuracy, training arithmetic", result.train_accuracy),
            share("golden_accuracy", "accuracy, exact arithmetic", result.test_accuracy),
            *(
                Row(
                    f"differing_{name}",
                    value,
                    f"training against exact: {name.replace('_', ' ')}",
                    f"{100 * value:.3f} % differ",
                )
                for name, value in result.difference.as_dict().items()
            ),
            file("chip", "chip", result.chip_path),
            file("curves", "curves", folder / "curves.png"),
        ],
        "Trained",
        as_json,
    )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise CaptwinError(f"--hidden {text}: expected whole numbers with commas between, such as 256,128") from None
