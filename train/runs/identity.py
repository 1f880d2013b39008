"""What a run depends on, by content: equal identities give equal chips."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from captwin.hw.chip import Chip
from captwin.hw.support.names import printable
from captwin.sim.neurons.table import NeuronTable
from captwin.train.config import TrainConfig
from captwin.train.datasets.dataset import Dataset

Identity = dict[str, Any]
#: conditions of a run on one table alone
NONE: Mapping[str, NeuronTable] = MappingProxyType({})

#: the inputs that are told by their hashes, and how they are called
INPUTS = {
    "data": "data set",
    "table": "neuron table",
    "conditions": "neuron table of some conditions",
    "teacher": "teacher",
    "start": "chip to begin with",
}


def settings(config: TrainConfig) -> dict[str, Any]:
    """``config`` as JSON values; of a table's path only the name, since its content counts."""
    names = {"circuit": Path(config.circuit).name}
    return config.model_dump(mode="json") | names | ({} if config.start is None else {"start": Path(config.start).name})


def identity_of(
    config: TrainConfig,
    dataset: Dataset,
    table: NeuronTable,
    conditions: Mapping[str, NeuronTable] = NONE,
    start: Chip | None = None,
) -> Identity:
    """Settings and the hashes of the inputs; a run over several ``conditions`` adds those of their tables, one that
    began with the chip ``start`` its build id, one with a teacher that one's hash."""
    identity = {"config": settings(config), "data": dataset.sha256, "table": table.circuit_sha256}
    if start is not None:
        identity["start"] = f"{start.build_id:016x}"
    return identity | ({"conditions": hashes(conditions)} if conditions else {})


def hashes(conditions: Mapping[str, NeuronTable]) -> dict[str, str]:
    """The hash of each table, by the name of its conditions."""
    return {name: table.circuit_sha256 for name, table in conditions.items()}


def chip_identity(chip: Chip) -> Identity | None:
    """The same of the run that made ``chip``, as far as its provenance tells."""
    config, data = chip.provenance.get("config"), chip.provenance.get("data")
    if not isinstance(config, dict) or not isinstance(data, dict):
        return None
    identity = {"config": config, "data": data.get("sha256"), "table": chip.analog.table_sha256}
    if "start" in chip.provenance:
        identity["start"] = chip.provenance["start"]
    conditions = chip.provenance.get("conditions")
    return identity | ({} if conditions is None else {"conditions": conditions})


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
