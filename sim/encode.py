"""Pixels to spikes, bit for bit what the gates do."""

from typing import Any

import numpy as np

from captwin.hw.encoders.encoder import Encoder


def encode(encoder: Encoder, pixels: Any) -> Any:
    """(..., pixels) uint8 to (..., steps, pixels) booleans: who spikes in which time step.

    NumPy arrays give NumPy arrays, PyTorch tensors tensors on the same device. Raises ``TypeError`` if the pixels are
    not uint8: encoders reckon modulo 256.
    """
    if str(pixels.dtype).removeprefix("torch.") != "uint8":
        raise TypeError(f"pixels must be uint8, got {pixels.dtype}")
    shape = (*pixels.shape[:-1], encoder.steps, pixels.shape[-1])
    # PyTorch is not imported for this; its tensors make others of their kind.
    spikes = np.empty(shape, bool) if isinstance(pixels, np.ndarray) else pixels.new_empty(shape).bool()
    for step in range(encoder.steps):
        spikes[..., step, :] = encoder.spikes(pixels, step)
    return spikes


def changed(spikes: np.ndarray) -> np.ndarray:
    """Of (images, steps, rows) spikes those that differ from the step before; before the first step no row spikes."""
    before = np.zeros_like(spikes)
    before[:, 1:] = spikes[:, :-1]
    return spikes != before
