"""Files of tensors that a run leaves for itself: sealed by a digest, and checked entry by entry when read."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from captwin.hw.support.documents import parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes, write_atomically


class Sealed(NamedTuple):
    """Content of a sealed file; its digest tells it from any other."""

    manifest: Any
    tensors: dict[str, Tensor]
    sha256: str


def save_sealed(path: Path, manifest: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """Writes JSON values and tensors with a digest over both, which is returned."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(manifest, allow_nan=False)
    digest = _digest(text, plain)
    # One entry: several would be written in an order that changes from one process to the next.
    write_atomically(path, save_tensors(plain, {"captwin": f"{digest} {text}"}))
    return digest


def load_sealed(path: Path, what: str) -> Sealed:
    """Reads a file of :func:`save_sealed`; :class:`CaptwinError` that says ``what`` it should be if it is damaged."""
    data = read_bytes(path, what)
    try:
        tensors = load_tensors(data)
        header = parse_json(data[8 : 8 + int.from_bytes(data[:8], "little")])
        stated, _, text = header["__metadata__"]["captwin"].partition(" ")
        manifest = parse_json(text)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, CaptwinError) as error:
        raise CaptwinError(f"{path}: not a whole {what} ({_short(error)}); train without --resume") from None
    if stated != _digest(text, tensors):
        raise CaptwinError(f"{path}: not a whole {what}: its content was altered; train without --resume")
    return Sealed(manifest, tensors, stated)


def check_tensors(given: dict[str, Tensor], wanted: dict[str, Tensor], where: str) -> None:
    """Raises :class:`CaptwinError` unless ``given`` has just the names, shapes and types of ``wanted``, all finite."""
    for name in sorted(given.keys() ^ wanted.keys()):
        raise CaptwinError(f"{where}: tensor {name!r} is {'too much' if name in given else 'missing'}")
    for name, tensor in given.items():
        shape, kind = tuple(wanted[name].shape), wanted[name].dtype
        if tuple(tensor.shape) != shape or tensor.dtype != kind:
            raise CaptwinError(
                f"{where}: tensor {name!r} should have shape {shape} and type {kind},"
                f" it has {tuple(tensor.shape)} and {tensor.dtype}"
            )
        if not torch.isfinite(tensor).all():
            raise CaptwinError(f"{where}: tensor {name!r} holds NaN or infinity")


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
