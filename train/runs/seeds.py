"""Several networks that differ in their seed alone, and how their accuracies spread."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from captwin.hw.support.files import write_atomically
from captwin.hw.support.locks import locked_folder
from captwin.train.config import TrainConfig
from captwin.train.loop import TrainResult


@dataclass(frozen=True)
class Spread:
    """How an accuracy spreads over seeds; shares of 1."""

    mean: float
    std: float  #: standard deviation of a sample; 0 of a single seed
    min: float
    max: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of one number or more."""
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return cls(float(np.mean(values)), deviation, min(values), max(values))


@dataclass(frozen=True)
class Seeds:
    """The runs by their seed, and the spread of their test accuracies in exact arithmetic."""

    runs: dict[int, TrainResult]
    spread: Spread


def train_seeds(
    config: TrainConfig, folder: Path, count: int, train: Callable[[TrainConfig, Path], TrainResult]
) -> Seeds:
    """Trains with ``count`` seeds from the configuration's on, by ``train``, each into a run folder of its own.

    Leaves seeds.json and seeds.csv in ``folder`` when all are done. An interrupted run ends it by KeyboardInterrupt.
    Raises :class:`CaptwinError` if another process works in ``folder``.
    """
    runs: dict[int, TrainResult] = {}
    with locked_folder(folder):
        for seed in range(config.seed, config.seed + count):
            settings = config.model_copy(update={"seed": seed})
            result = train(settings, folder / f"{folder.resolve().name}-seed-{seed}")
            if result.interrupted:
                raise KeyboardInterrupt
            runs[seed] = result
        spread = Spread.of([result.test_accuracy for result in runs.values()])
        accuracies = {str(seed): result.test_accuracy for seed, result in runs.items()}
        summary = {"golden_accuracy": asdict(spread), "golden_accuracies": accuracies}
        write_atomically(folder / "seeds.json", json.dumps(summary, indent=2) + "\n")
        write_atomically(folder / "seeds.csv", _table(runs))
    return Seeds(runs, spread)


def _table(runs: dict[int, TrainResult]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seed", "build_id", "golden_accuracy", "train_mode_accuracy"])
    for seed, result in runs.items():
        writer.writerow([seed, f"{result.chip.build_id:016x}", result.test_accuracy, result.train_accuracy])
    return text.getvalue()
