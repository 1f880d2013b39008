"""Checkpoints of a training run: one safetensors file, from which it goes on exactly as if never stopped."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from hw.support.errors import CaptwinError
from hw.support.files import read_bytes, write_atomically

VERSION = 1


@dataclass
class Progress:
    """How far a run has come."""

    epochs_done: int = 0
    best_epoch: int = 0  #: that becomes the chip, counted from 1; 0 while no epoch is done
    best_accuracy: float = 0.0  #: most of any epoch on the validation images
    best: dict[str, Tensor] = field(default_factory=dict)  #: the network's state after the best epoch
    history: list[dict[str, float]] = field(default_factory=list)  #: one row an epoch


def save_checkpoint(
    path: Path, config: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Writes the state of a run between two epochs."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    manifest = {
        "version": VERSION,
        "config": config,
        "epochs_done": progress.epochs_done,
        "best_epoch": progress.best_epoch,
        "best_accuracy": progress.best_accuracy,
        "history": progress.history,
    }
    detached = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save_tensors(detached, {"captwin": json.dumps(manifest)}))


def load_checkpoint(
    path: Path, config: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> Progress:
    """Puts network and optimizer back; :class:`CaptwinError` if the file is damaged or of another configuration."""
    if not path.is_file():
        raise CaptwinError(f"{path}: no checkpoint to resume from; train without resuming")
    data = read_bytes(path, "checkpoint")
    try:
        tensors = load_tensors(data)
        manifest = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["captwin"])
        version, stored = manifest["version"], manifest["config"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CaptwinError(f"{path}: not a whole checkpoint ({error}); train without resuming") from None
    if version != VERSION:
        raise CaptwinError(f"{path}: checkpoint version {version}, expected {VERSION}; train without resuming")
    for key in sorted(config.keys() | stored.keys()):
        if config.get(key) != stored.get(key):
            raise CaptwinError(
                f"{path}: made with {key} = {stored.get(key)!r}, now it is {config.get(key)!r};"
                " resume with the same configuration, or train without resuming"
            )
    groups: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        group, _, rest = name.partition(".")
        groups[group][rest] = tensor
    try:
        network.load_state_dict(groups["network"])
    except RuntimeError:
        raise CaptwinError(f"{path}: lacks tensors of the network; train without resuming") from None
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in groups["optimizer"].items():
        index, _, entry = name.partition(".")
        states.setdefault(int(index), {})[entry] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(
        manifest["epochs_done"],
        manifest["best_epoch"],
        manifest["best_accuracy"],
        groups["best"],
        manifest["history"],
    )
