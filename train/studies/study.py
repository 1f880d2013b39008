"""The study: what does training with the circuit's own nonlinearity win back, and under what devices?

One network is trained for the ideal twin of a circuit and on the circuit itself, over mappings, levels, ratios and
seeds, and both are run on the circuit; the chips of the base case are also fabricated with spread.
"""

import csv
import io
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from captwin.hw.chip import Chip
from captwin.hw.support.digest import sha256_of
from captwin.hw.support.documents import parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes, write_atomically
from captwin.hw.support.progress import Progress, silent
from captwin.sim import golden
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.devices.mapping_kinds import MAPPINGS, Kind
from captwin.sim.devices.memcapacitor import Effects
from captwin.sim.neurons.circuits import load_circuit, on_circuit
from captwin.train.config import TrainConfig, load_config
from captwin.train.datasets.catalogue import load_dataset

LEVELS = (2, 4, 8, 16)
RATIOS = (2.0, 10.0, 100.0)
SIGMAS = (0.0, 0.05, 0.1, 0.2)
BASE_LEVELS, BASE_RATIO = 16, 10.0
#: fabricated chips a trained one, for each spread
FABRICATED = 5

Trained = Literal["ideal", "aware", "aware of spread"]


@dataclass(frozen=True)
class Case:
    """One training run of the study."""

    circuit: str
    mapping: Kind
    trained: Trained
    seed: int
    levels: int = BASE_LEVELS
    ratio: float = BASE_RATIO
    sigma_c: float = 0.0  #: relative spread that the training lives with

    @property
    def is_base(self) -> bool:
        """Whether this is a case whose chips are fabricated with spread."""
        return (self.levels, self.ratio) == (BASE_LEVELS, BASE_RATIO)


@dataclass(frozen=True)
class Outcome:
    """Accuracy of one trained network somewhere; ``sigma_c`` is the spread of the chips that it was measured on."""

    circuit: str
    mapping: str
    levels: int
    ratio: float
    trained: str
    seed: int
    run_on: Literal["ideal twin", "circuit"]
    sigma_c: float
    accuracy: float  #: mean over the chips, if several were fabricated


def cases(circuits: tuple[str, ...], seeds: int, sweeps: bool = True) -> Iterator[Case]:
    """Every training run, for each circuit, mapping and seed: the base and, with ``sweeps``, one factor at a time from
    there."""
    devices = [(BASE_LEVELS, BASE_RATIO)]
    if sweeps:
        devices += [(levels, BASE_RATIO) for levels in LEVELS if levels != BASE_LEVELS]
        devices += [(BASE_LEVELS, ratio) for ratio in RATIOS if ratio != BASE_RATIO]
    for seed in range(1, seeds + 1):
        for levels, ratio in devices:
            for circuit in circuits:
                for mapping in MAPPINGS:
                    for trained in ("ideal", "aware"):
                        yield Case(circuit, mapping, trained, seed, levels, ratio)
        for sigma in SIGMAS[1:] if sweeps else ():
            for circuit in circuits:
                for mapping in MAPPINGS:
                    yield Case(circuit, mapping, "aware of spread", seed, sigma_c=sigma)


def study(
    data: str,
    circuits: tuple[str, ...],
    seeds: int,
    cache: Path,
    *,
    sweeps: bool = True,
    epochs: int | None = None,
    progress: Progress = silent,
) -> list[Outcome]:
    """Runs every case that ``cache`` does not hold yet, on all cores, and returns all outcomes in the cases' order.

    The cases are variations of the committed configuration `study-` ``data``. Without ``sweeps``, the base alone.
    ``progress`` is called with how many cases are done.
    """
    todo = list(cases(circuits, seeds, sweeps))
    settings = {case: _config(case, data, epochs) for case in todo}
    files = {case: cache / f"{_key(case, settings[case])}.json" for case in todo}
    known = {case: outcomes for case in todo if (outcomes := _read(files[case])) is not None}
    missing = [case for case in todo if case not in known]
    progress("training", len(todo) - len(missing), len(todo))
    # Networks this small train best on a core each.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(_run, case, settings[case]): case for case in missing}
        try:
            for number, future in enumerate(as_completed(running), len(todo) - len(missing) + 1):
                case = running[future]
                known[case] = future.result()
                write_atomically(files[case], _sealed(known[case]))
                progress("training", number, len(todo))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [outcome for case in todo for outcome in known[case]]


def _sealed(outcomes: list[Outcome]) -> str:
    rows = [asdict(outcome) for outcome in outcomes]
    return json.dumps({"sha256": sha256_of(rows), "outcomes": rows}) + "\n"


def _read(path: Path) -> list[Outcome] | None:
    """The outcomes kept at ``path``; None if there are none, or if the file is damaged: that case is run again."""
    try:
        content = parse_json(read_bytes(path, "study's result"))
        outcomes = TypeAdapter(list[Outcome]).validate_python(content["outcomes"])
        return outcomes if content["sha256"] == sha256_of(content["outcomes"]) else None
    except (CaptwinError, ValidationError, KeyError, TypeError):
        return None


def to_csv(outcomes: list[Outcome]) -> str:
    """One line an outcome."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(asdict(outcomes[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(outcome) for outcome in outcomes)
    return text.getvalue()


def _config(case: Case, data: str, epochs: int | None) -> TrainConfig:
    changes: dict[str, Any] = {"epochs": epochs} if epochs else {}
    return load_config(
        f"study-{data}",
        circuit=case.circuit,
        neuron="ideal" if case.trained == "ideal" else "circuit",
        mapping=case.mapping,
        levels=case.levels,
        ratio=case.ratio,
        sigma_c=case.sigma_c,
        seed=case.seed,
        **changes,
    )


def _key(case: Case, config: TrainConfig) -> str:
    tables = load_circuit(case.circuit).circuit_sha256
    return sha256_of([asdict(case), config.model_dump(mode="json"), tables, SIGMAS, FABRICATED])[:24]


def _run(case: Case, config: TrainConfig) -> list[Outcome]:
    """Trains one network in this process, on one thread, and measures it wherever the study wants it."""
    import torch

    from captwin.train.loop import train

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="captwin-") as folder:
        chip = train(config, Path(folder)).chip
    dataset = load_dataset(config.data)

    def accuracy(measured: Chip) -> float:
        return golden.run(measured, dataset.test_images).accuracy(dataset.test_labels)

    def outcome(run_on: Literal["ideal twin", "circuit"], sigma: float, share: float) -> Outcome:
        return Outcome(
            case.circuit, case.mapping, case.levels, case.ratio, case.trained, case.seed, run_on, sigma, share
        )

    outcomes = []
    if case.trained == "ideal":
        outcomes.append(outcome("ideal twin", 0.0, accuracy(chip)))
        chip = on_circuit(chip, load_circuit(case.circuit))
    sigmas = SIGMAS if case.is_base and not case.sigma_c else (case.sigma_c,)
    for sigma in sigmas:
        process = Process(Effects(sigma_c=sigma))
        numbers = range(FABRICATED if sigma else 0)
        chips = [fabricate(chip, process, seed=case.seed, number=number) for number in numbers] or [chip]
        outcomes.append(outcome("circuit", sigma, float(np.mean([accuracy(fabricated) for fabricated in chips]))))
    return outcomes
