"""What a run depends on, by content: equal identities give equal chips."""

from pathlib import Path
from typing import Any

from captwin.hw.chip import Chip
from captwin.hw.support.names import printable
from captwin.sim.neurons.table import NeuronTable
from captwin.train.config import TrainConfig
from captwin.train.datasets.dataset import Dataset

Identity = dict[str, Any]

#: the inputs that are told by their hashes, and how they are called
INPUTS = {"data": "data set", "table": "neuron table", "teacher": "teacher"}


def settings(config: TrainConfig) -> dict[str, Any]:
    """``config`` as JSON values; of a table's path only the name, since its content counts."""
    return config.model_dump(mode="json") | {"circuit": Path(config.circuit).name}


def identity_of(config: TrainConfig, dataset: Dataset, table: NeuronTable) -> Identity:
    """Settings and the hashes of the inputs; a run with a teacher adds that one's."""
    return {"config": settings(config), "data": dataset.sha256, "table": table.circuit_sha256}


def chip_identity(chip: Chip) -> Identity | None:
    """The same of the run that made ``chip``, as far as its provenance tells."""
    config, data = chip.provenance.get("config"), chip.provenance.get("data")
    if not isinstance(config, dict) or not isinstance(data, dict):
        return None
    return {"config": config, "data": data.get("sha256"), "table": chip.analog.table_sha256}


def change(stored: Identity, current: Identity) -> str | None:
    """The first difference of two runs in words; None if they are the same. Inputs unknown to one are left out."""
    before, now = stored.get("config"), current["config"]
    if not isinstance(before, dict):
        return "made with an unknown configuration"
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            return f"made with {printable(key)[1:-1]} = {printable(before.get(key))}, now it is {now.get(key)!r}"
    for key, name in INPUTS.items():
        if key in stored and key in current and stored[key] != current[key]:
            return f"made with another {name}"
    return None
