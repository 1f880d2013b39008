"""``captwin train``: a network, trained with the circuit's nonlinearity, as a chip file."""

from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from captwin.boards.board import Board
from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.sizing.real_time import real_time_fit, require_real_time_fit
from captwin.hw.encoders import ENCODERS
from captwin.hw.real_time_area import real_time_size
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.scripts.conditions import doubts_of, words
from captwin.scripts.lines import line_doubts
from captwin.scripts.terminal.activity import activity_rows, warn
from captwin.scripts.terminal.output import (
    JsonFlag,
    Row,
    count,
    file,
    log,
    note,
    progress_told,
    results_folder,
    share,
    show,
)
from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.verdict import judge
from captwin.train.conditions import condition_tables
from captwin.train.config import ConfigError, TrainConfig, config_names, load_config
from captwin.train.datasets.catalogue import DATASETS, check_name, load_dataset
from captwin.train.loop import TrainResult
from captwin.train.loop import train as run
from captwin.train.real_time import planned_size
from captwin.train.runs.seeds import Seeds, train_seeds

DATA, CIRCUITS = " or ".join(DATASETS), " or ".join(circuit_names())
#: the options that set a field of another name
OPTIONS = {"encoder.kind": "encoder", "encoder.steps": "steps"}

DataOption = Annotated[
    str | None,
    typer.Option(help=f"{DATA}, with the configuration that comes with Captwin; this or --config is needed."),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(help="A TOML file, or the name of a configuration that comes with Captwin, such as digits-tiny."),
]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="Run folder [default: runs/CONFIG].")]
HiddenOption = Annotated[str | None, typer.Option(help="Hidden layers, for instance 256,128; '' for none.")]
StepsOption = Annotated[int | None, typer.Option(help="Time steps of an inference.")]
EncoderOption = Annotated[str | None, typer.Option(help=f"{' or '.join(ENCODERS)}: see docs/arithmetic.md.")]
ReadoutOption = Annotated[str | None, typer.Option(help="most_spikes or first_spike.")]
CircuitOption = Annotated[str | None, typer.Option(help=f"{CIRCUITS}, or a neuron table: its file, or FOLDER/NAME.")]
NeuronOption = Annotated[str | None, typer.Option(help="circuit, or ideal: the circuit's perfect twin.")]
MappingOption = Annotated[str | None, typer.Option(help=f"{' or '.join(MAPPINGS)}.")]
LevelsOption = Annotated[
    int | None, typer.Option(help="Levels of a memcapacitor, 2 to 16 with 5-bit charges; 0: unquantised weights.")
]
ConditionsOption = Annotated[
    str | None,
    typer.Option(help="Corners and temperatures to train over: tt_27,ss_-40, or all that there are tables for."),
]
EpochsOption = Annotated[int | None, typer.Option(help="Passes over the training images.")]
BoardOption = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(BOARDS)}: refuse a network whose real-time core would not fit there; needs direct neurons."
    ),
]
SeedOption = Annotated[int | None, typer.Option(help="One seed gives one chip file.")]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, ...")]
SeedsOption = Annotated[
    int | None, typer.Option(min=1, help="Train so many networks, from --seed on, and tell how they spread.")
]
ResumeFlag = Annotated[bool, typer.Option("--resume", help="Go on where the run folder's checkpoint stops.")]
OverwriteFlag = Annotated[
    bool, typer.Option("--overwrite", help="Replace a run of another configuration in the run folder.")
]


def train(
    data: DataOption = None,
    config: ConfigOption = None,
    output: OutputOption = None,
    hidden: HiddenOption = None,
    steps: StepsOption = None,
    encoder: EncoderOption = None,
    readout: ReadoutOption = None,
    circuit: CircuitOption = None,
    neuron: NeuronOption = None,
    mapping: MappingOption = None,
    levels: LevelsOption = None,
    conditions: ConditionsOption = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    device: DeviceOption = "cpu",
    board: BoardOption = None,
    seeds: SeedsOption = None,
    resume: ResumeFlag = False,
    overwrite: OverwriteFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a network on the circuit and export it as a chip; Ctrl-C keeps the best so far."""
    fields: dict[str, Any] = {
        "hidden": _sizes(hidden) if hidden is not None else None,
        "readout": readout,
        "circuit": circuit,
        "neuron": neuron,
        "mapping": mapping,
        "levels": levels,
        "conditions": conditions if conditions in (None, "all") else words(conditions),
        "epochs": epochs,
        "seed": seed,
        "encoder": _given({"steps": steps, "kind": encoder}) or None,
    }
    source = _source(data, config)
    name = Path(source).stem + ("-seeds" if seeds is not None else "")
    folder = results_folder(output or Path("runs") / name)
    try:
        settings = load_config(source, **_given(fields))
        target = None if board is None else _fitting_board(settings, board)
        verdict = judge(load_circuit(settings.circuit))
        warn(() if verdict.fatal else verdict.warnings)
        warn(line for table in condition_tables(settings).values() for line in doubts_of(table))
        train_one = partial(_train_one, device=device, resume=resume, overwrite=overwrite, several=seeds is not None)
        if seeds is not None:
            show(*_seeds_rows(train_seeds(settings, folder, seeds, train_one), folder), as_json)
            return
        result = train_one(settings, folder)
    except ConfigError as error:
        raise _of_option(error) from None
    if result.interrupted:
        log.print(f"captwin: stopped after {result.epochs_done} epochs; --resume goes on")
    show(_rows(result, settings, folder) + _real_time_rows(result, target), "Trained", as_json)
    warn([*result.activity.warnings(), *line_doubts(result.chip)])


def _train_one(
    settings: TrainConfig, folder: Path, *, device: str, resume: bool, overwrite: bool, several: bool
) -> TrainResult:
    """One network, resumed if that is wanted; of ``several``, those after the interrupted one have not begun."""
    goes_on = resume and (not several or (folder / "checkpoint.safetensors").is_file())
    try:
        with progress_told() as progress:
            return run(settings, folder, device=device, resume=goes_on, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt:
        if not goes_on and (folder / "chip.safetensors").exists():
            log.print(f"captwin: {folder}: its chip is that of the earlier run; --resume goes on with this one")
        raise


def _fitting_board(settings: TrainConfig, name: str) -> Board:
    """The board called ``name``; :class:`CaptwinError` if the network's real-time core would not fit there."""
    size = planned_size(settings, load_dataset(settings.data))
    if size is None:
        raise CaptwinError(
            "--board: real-time cores need neurons without interpolation; set [direct] in the configuration"
        )
    return require_real_time_fit(size, find_board(name)).board


def _real_time_rows(result: TrainResult, board: Board | None) -> list[Row]:
    """What a real-time core of the chip takes, and where it fits; nothing of a chip that needs interpolation."""
    size = real_time_size(result.chip)
    if size is None:
        return []
    fits = [real_time_fit(size, each) for each in ([board] if board else BOARDS.values())]
    return [
        count("nonzero_weights", "weights that are not 0", size.weights),
        Row("real_time_luts", fits[0].luts, "real-time core, estimated", f"{fits[0].luts:,} LUTs"),
        Row("real_time_block_rams", {fit.board.name: fit.block_rams for fit in fits}, "", ""),
        Row("real_time_share", {fit.board.name: fit.share for fit in fits}, "boards", "; ".join(map(str, fits))),
    ]


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def _source(data: str | None, config: str | None) -> str:
    """Name or file of the configuration that was asked for."""
    if (data is None) == (config is None):
        raise CaptwinError(f"train: say what to train on: either --data {DATA}, or --config FILE")
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
        *_condition_rows(result.conditions),
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


def _condition_rows(accuracies: dict[str, float]) -> list[Row]:
    """How accurate the chip is under the conditions that it was trained over, if it was trained over several."""
    if not accuracies:
        return []
    worst = min(accuracies, key=accuracies.__getitem__)
    text = f"{100 * accuracies[worst]:.2f} % at {Conditions.of_name(worst)}"
    return [
        Row("condition_accuracies", accuracies, "", ""),
        share("mean_accuracy", "accuracy, mean over its conditions", fmean(accuracies.values())),
        Row("worst_accuracy", accuracies[worst], "accuracy, worst of them", text),
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
