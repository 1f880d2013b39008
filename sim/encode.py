"""Pixels to spikes, bit for bit what the gates do. Works on NumPy arrays and PyTorch tensors alike."""

from functools import lru_cache
from typing import Any

import numpy as np

from captwin.hw.chip import LFSR_BITS, LFSR_TAPS, PIXEL_BITS, PIXEL_MAX, Encoder


@lru_cache(maxsize=8)
def bernoulli_thresholds(seed: int, steps: int, pixels: int) -> np.ndarray:
    """(steps, pixels) numbers of 0 to 255, eight LFSR bits each, that the `bernoulli` encoder compares pixels with."""
    count = steps * pixels
    bits = np.zeros(max(count * PIXEL_BITS, LFSR_BITS), dtype=np.uint8)
    bits[:LFSR_BITS] = [seed >> q & 1 for q in range(LFSR_BITS)]
    block = LFSR_BITS - max(LFSR_TAPS)  # so many new bits depend on known ones only
    for start in range(LFSR_BITS, len(bits), block):
        stop = min(start + block, len(bits))
        for tap in LFSR_TAPS:
            bits[start:stop] ^= bits[start - LFSR_BITS + tap : stop - LFSR_BITS + tap]
    octets = bits[: count * PIXEL_BITS].reshape(count, PIXEL_BITS)
    thresholds = (octets << np.arange(PIXEL_BITS, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
    thresholds.setflags(write=False)
    return thresholds.reshape(steps, pixels)


def encode_step(encoder: Encoder, pixels: Any, step: int) -> Any:
    """Booleans of the shape of ``pixels``, uint8, the last axis running over the image: who spikes in ``step``."""
    if encoder.kind == "rate":
        # The phase accumulator runs over where this sum, modulo 256, and one more pixel pass full scale.
        return pixels * step + encoder.phase > PIXEL_MAX - pixels
    if encoder.kind == "latency":
        wide = pixels.astype(np.int32) if isinstance(pixels, np.ndarray) else pixels.int()
        return (pixels > 0) & (((PIXEL_MAX - wide) * encoder.steps) >> PIXEL_BITS == step)
    thresholds = bernoulli_thresholds(encoder.seed, encoder.steps, pixels.shape[-1])[step]
    return pixels > (thresholds if isinstance(pixels, np.ndarray) else pixels.new_tensor(thresholds))
