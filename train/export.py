"""From a trained network to a chip with its provenance."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from captwin.hw.chip import Chip
from captwin.sim.neurons.table import NeuronTable
from captwin.train.config import TrainConfig
from captwin.train.datasets.catalogue import check_known
from captwin.train.datasets.dataset import Dataset
from captwin.train.model.network import Network
from captwin.train.runs.identity import NONE, hashes, settings


def export_chip(
    network: Network,
    config: TrainConfig,
    dataset: Dataset,
    accuracy: dict[str, Any],
    warnings: Sequence[str] = (),
    conditions: Mapping[str, NeuronTable] = NONE,
    start: Chip | None = None,
) -> Chip:
    """The chip of ``network``, which was trained over the tables of ``conditions`` if there are any, and began with the
    weights of ``start``.

    Its provenance holds no date, so equal training gives an equal file. Raises :class:`CaptwinError` if ``dataset`` has
    the name of one of ours and other images.
    """
    check_known(dataset)
    provenance: dict[str, Any] = {
        "config": settings(config),
        "seed": config.seed,
        "data": {"name": dataset.name, "sha256": dataset.sha256},
        "accuracy": accuracy,
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("captwin", "torch", "numpy")},
    }
    if conditions:
        provenance["conditions"] = hashes(conditions)
    if start is not None:
        provenance["start"] = f"{start.build_id:016x}"
    if warnings:
        provenance["warnings"] = list(warnings)
    return network.to_chip(provenance)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
