"""``captwin train``: a network, trained with the circuit's nonlinearity, as a chip file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.scripts.activity import activity_rows, warn
from captwin.scripts.output import JsonFlag, Row, count, file, log, note, progress_bar, results_folder, share, show
from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.sim.neurons.verdict import judge
from captwin.train.config import ConfigError, TrainConfig, config_names, load_config
from captwin.train.datasets.catalogue import check_name
from captwin.train.loop import TrainResult
from captwin.train.loop import train as run
from captwin.train.runs.seeds import Seeds, train_seeds

CIRCUITS = " or ".join(circuit_names())
#: the options that set a field of another name
OPTIONS = {"encoder.kind": "encoder", "encoder.steps": "steps"}


def train(
    data: Annotated[
        str | None,
        typer.Option(
            help="digits or mnist, with the configuration that comes with Captwin; this or --config is needed."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(help="A TOML file, or the name of a configuration that comes with Captwin, such as digits-tiny."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Run folder [default: runs/CONFIG].")] = None,
    hidden: Annotated[str | None, typer.Option(help="Hidden layers, for instance 256,128; '' for none.")] = None,
    steps: Annotated[int | None, typer.Option(help="Time steps of an inference.")] = None,
    encoder: Annotated[str | None, typer.Option(help="rate, bernoulli or latency.")] = None,
    readout: Annotated[str | None, typer.Option(help="most_spikes or first_spike.")] = None,
    circuit: Annotated[
        str | None, typer.Option(help=f"{CIRCUITS}, or a neuron table: its file, or FOLDER/NAME.")
    ] = None,
    neuron: Annotated[str | None, typer.Option(help="circuit, or ideal: the circuit's perfect twin.")] = None,
    mapping: Annotated[str | None, typer.Option(help=f"{' or '.join(MAPPINGS)}.")] = None,
    levels: Annotated[
        int | None, typer.Option(help="Levels of a memcapacitor, 2 to 16 with 5-bit charges; 0: unquantised weights.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    seed: Annotated[int | None, typer.Option(help="One seed gives one chip file.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Train so many networks, from --seed on, and tell how they spread.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run folder's checkpoint stops.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run of another configuration in the run folder.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a network on the circuit and export it as a chip; Ctrl-C keeps the best so far."""
    given: dict[str, Any] = {
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
    source = _source(data, config)
    name = Path(source).stem + ("-seeds" if seeds is not None else "")
    folder = results_folder(output or Path("runs") / name)

    def train_one(settings: TrainConfig, place: Path) -> TrainResult:
        # Of several seeds, some may not have begun.
        goes_on = resume and (seeds is None or (place / "checkpoint.safetensors").is_file())
        try:
            return run(settings, place, device=device, resume=goes_on, overwrite=overwrite, progress=progress_bar())
        except KeyboardInterrupt:
            if not goes_on and (place / "chip.safetensors").exists():
                log.print(f"captwin: {place}: its chip is that of the earlier run; --resume goes on with this one")
            raise

    try:
        settings = load_config(source, **{key: value for key, value in given.items() if value is not None})
        verdict = judge(load_circuit(settings.circuit))
        warn(() if verdict.fatal else verdict.warnings)
        if seeds is not None:
            show(*_seeds_rows(train_seeds(settings, folder, seeds, train_one), folder), as_json)
            return
        result = train_one(settings, folder)
    except ConfigError as error:
        raise _of_option(error) from None
    if result.interrupted:
        log.print(f"captwin: stopped after {result.epochs_done} epochs; --resume goes on")
    show(_rows(result, settings, folder), "Trained", as_json)
    warn(result.activity.warnings())


def _source(data: str | None, config: str | None) -> str:
    """Name or file of the configuration that was asked for."""
    if (data is None) == (config is None):
        raise CaptwinError("train: say what to train on: either --data digits or mnist, or --config FILE")
    if config is not None:
        return config
    assert data is not None
    try:
        check_name(data)
    except CaptwinError as error:
        advice = f"; that is a configuration: --config {data}" if data in config_names() else ""
        raise CaptwinError(f"--{error}{advice}") from None
    return data


def _of_option(error: ConfigError) -> CaptwinError:
    """The mistake by the name of the option that made it."""
    if error.field is None:
        return error
    name = OPTIONS.get(error.field, error.field.split(".")[0])
    return CaptwinError(f"--{name}: {error.message}")


def _rows(result: TrainResult, settings: TrainConfig, folder: Path) -> list[Row]:
    swing, own = result.v_read
    volts = f"{swing:g} V" + (f", by the configuration in place of the circuit's {own:g} V" if swing != own else "")
    return [
        note("data", "data", settings.data),
        note("circuit", "circuit", result.chip.analog.circuit),
        Row("v_read_v", swing, "swing of the row lines", volts),
        Row("circuit_v_read_v", own, "", ""),
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
        *activity_rows(result.activity),
        file("chip", "chip", result.chip_path),
        file("curves", "curves", folder / "curves.png"),
        file("metrics", "an epoch a line", folder / "metrics.jsonl"),
    ]


def _seeds_rows(seeds: Seeds, folder: Path) -> tuple[list[Row], str]:
    """A row a seed, the spread over them, and a title."""
    spread = seeds.spread
    accuracies = {str(seed): result.test_accuracy for seed, result in seeds.runs.items()}
    for seed, result in seeds.runs.items():
        warn(f"seed {seed}: {line}" for line in result.activity.warnings())
    rows = [
        count("seeds", "seeds", len(seeds.runs)),
        Row("golden_accuracies", accuracies, "", ""),
        *(
            Row("", None, f"accuracy, seed {seed}", f"{100 * result.test_accuracy:.2f} %  {result.chip_path}")
            for seed, result in seeds.runs.items()
        ),
        share("mean_accuracy", "accuracy, mean", spread.mean),
        share("std_accuracy", "accuracy, standard deviation", spread.std),
        share("min_accuracy", "accuracy, least", spread.min),
        share("max_accuracy", "accuracy, most", spread.max),
        Row("chips", {str(seed): str(result.chip_path) for seed, result in seeds.runs.items()}, "", ""),
        file("summary", "summary", folder / "seeds.json"),
        file("csv", "all numbers", folder / "seeds.csv"),
    ]
    return rows, "Trained with several seeds"


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise CaptwinError(
            f"--hidden {printable(text)}: expected whole numbers with commas between, such as 256,128"
        ) from None
