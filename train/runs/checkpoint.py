"""Checkpoints of a training run: one sealed file, from which it goes on exactly as if never stopped."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn

from captwin.hw.support.documents import is_version
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.train.config_tables import MOST_EPOCHS
from captwin.train.runs.identity import Identity, change
from captwin.train.runs.sealed import check_tensors, load_sealed, save_sealed

VERSION = 2
AGAIN = "train without --resume"


@dataclass
class RunState:
    """How far a run has come."""

    epochs_done: int = 0
    best_epoch: int = 0  #: that becomes the chip, counted from 1; 0 while no epoch is done
    best_accuracy: float = 0.0  #: most of any epoch on the validation images
    best: dict[str, Tensor] = field(default_factory=dict)  #: the network's state after the best epoch
    history: list[dict[str, float]] = field(default_factory=list)  #: one row an epoch


_Share = Annotated[float, Field(ge=0, le=1)]


class _Row(BaseModel):
    """An epoch's line of the curves; beside these it has a spike rate for each layer."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, _Share]

    epoch: Annotated[float, Field(ge=1)]
    learning_rate: Annotated[float, Field(ge=0)]
    loss: float
    train_accuracy: _Share
    validation_accuracy: _Share


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    version: int
    identity: dict[str, Any]
    epochs_done: Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
    best_epoch: Annotated[int, Field(ge=1)]
    best_accuracy: _Share
    history: list[_Row]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if [row.epoch for row in self.history] != list(range(1, self.epochs_done + 1)):
            raise ValueError("history: should have one row an epoch")
        if self.best_epoch > self.epochs_done:
            raise ValueError("best_epoch: lies beyond the epochs done")
        if self.best_accuracy != max(row.validation_accuracy for row in self.history):
            raise ValueError("best_accuracy: is not the history's")
        return self


def save_checkpoint(
    path: Path, identity: Identity, network: nn.Module, optimizer: torch.optim.Optimizer, state: RunState
) -> None:
    """Writes the state of a run between two epochs."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in state.best.items()}
    tensors |= _optimizer_tensors(optimizer.state_dict()["state"])
    manifest = {
        "version": VERSION,
        "identity": identity,
        "epochs_done": state.epochs_done,
        "best_epoch": state.best_epoch,
        "best_accuracy": state.best_accuracy,
        "history": state.history,
    }
    save_sealed(path, manifest, tensors)


def read_identity(path: Path) -> Identity:
    """What the run of the checkpoint at ``path`` depends on; :class:`CaptwinError` if the file is damaged."""
    return _manifest(load_sealed(path, "checkpoint").manifest, path).identity


def load_checkpoint(
    path: Path, identity: Identity, network: nn.Module, optimizer: torch.optim.Optimizer, epochs: int
) -> RunState:
    """Puts network and optimizer back into a run of ``epochs``.

    Raises :class:`CaptwinError` if the file is damaged, or is of another configuration, circuit, data or teacher.
    """
    if not path.is_file():
        raise CaptwinError(f"{path}: no checkpoint to resume from; {AGAIN}")
    content, tensors, _ = load_sealed(path, "checkpoint")
    manifest = _manifest(content, path)
    if changed := change(manifest.identity, identity):
        raise CaptwinError(f"{path}: {changed}; resume with the same, or {AGAIN}")
    if manifest.epochs_done > epochs:
        raise CaptwinError(f"{path}: has {manifest.epochs_done} epochs of {epochs}; {AGAIN}")
    state = network.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    moments = {
        index: {
            "step": torch.tensor(0.0),
            "exp_avg": torch.zeros_like(parameter, device="cpu"),
            "exp_avg_sq": torch.zeros_like(parameter, device="cpu"),
        }
        for index, parameter in enumerate(parameters)
    }
    wanted = {f"network.{name}": tensor for name, tensor in state.items()}
    wanted |= {f"best.{name}": tensor for name, tensor in state.items()}
    wanted |= _optimizer_tensors(moments)
    try:
        check_tensors(tensors, wanted, str(path))
        _check_numbers(tensors, moments, manifest, path)
    except CaptwinError as error:
        raise CaptwinError(f"{error}; {AGAIN}") from None
    network.load_state_dict({name: tensors[f"network.{name}"] for name in state})
    states = {
        index: {entry: tensors[f"optimizer.{index}.{entry}"] for entry in entries} for index, entries in moments.items()
    }
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    return RunState(
        manifest.epochs_done,
        manifest.best_epoch,
        manifest.best_accuracy,
        {name: tensors[f"best.{name}"] for name in state},
        content["history"],
    )


def _optimizer_tensors(state: dict[int, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"optimizer.{index}.{name}": tensor for index, entries in state.items() for name, tensor in entries.items()}


def _manifest(content: Any, path: Path) -> _Manifest:
    if isinstance(content, dict) and not is_version(content.get("version"), VERSION):
        version = printable(content.get("version"))
        raise CaptwinError(f"{path}: checkpoint version {version}, expected {VERSION}; {AGAIN}")
    try:
        return _Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = printable(".".join(str(part) for part in first["loc"]))
        raise CaptwinError(f"{path}: not a whole checkpoint ({place}: {first['msg']}); {AGAIN}") from None


def _check_numbers(
    tensors: dict[str, Tensor], moments: dict[int, dict[str, Tensor]], manifest: _Manifest, path: Path
) -> None:
    """Raises :class:`CaptwinError` where the optimizer's numbers, or the history's layers, cannot have come about."""
    for index in moments:
        if tensors[f"optimizer.{index}.step"] < 1 or (tensors[f"optimizer.{index}.exp_avg_sq"] < 0).any():
            raise CaptwinError(f"{path}: the optimizer's state cannot have come about")
    layers = sum(name.startswith("best.layers.") and name.endswith(".weight") for name in tensors)
    rates = {f"spike_rate_{number}" for number in range(1, layers + 1)}
    for row in manifest.history:
        if set(row.model_extra or {}) != rates:
            raise CaptwinError(f"{path}: the history has other layers than the network")
