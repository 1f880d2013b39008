"""From a trained network to a chip with its provenance."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hw.chip import Chip
from train.config import TrainConfig
from train.data import Dataset
from train.network import Network


def export_chip(network: Network, config: TrainConfig, dataset: Dataset, accuracy: dict[str, Any]) -> Chip:
    """The chip of ``network``. Its provenance holds no date, so equal training gives an equal file."""
    settings = config.model_dump(mode="json")
    settings["circuit"] = Path(config.circuit).name
    provenance = {
        "config": settings,
        "seed": config.seed,
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "accuracy": accuracy,
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("captwin", "torch", "numpy")},
    }
    return network.to_chip(provenance)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
