"""The golden model: a chip's exact integer arithmetic, whole batches at a time.

``docs/arithmetic.md`` states every formula used here; the gates and PyTorch's eval mode must agree bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hw.chip import Chip, Formats, Layer
from hw.errors import CaptwinError
from sim.encode import encode_step


@dataclass(frozen=True)
class LayerTrace:
    """Everything a layer computed; each array is (images, steps, columns)."""

    acc: np.ndarray
    u: np.ndarray
    v: np.ndarray
    s: np.ndarray


@dataclass(frozen=True)
class Inference:
    """What the readout answers, one row an image; ``traces`` holds one entry a layer, or none."""

    labels: np.ndarray  #: (images,) class
    counts: np.ndarray  #: (images, classes) output spikes until the decision
    membranes: np.ndarray  #: (images, classes) membrane codes at the decision
    steps: np.ndarray  #: (images,) time steps until the decision, 1 to the encoder's
    traces: tuple[LayerTrace, ...] = ()

    def accuracy(self, labels: np.ndarray) -> float:
        """Share of images whose class is ``labels``."""
        return float((self.labels == labels).mean())


class Answer(NamedTuple):
    """One readout decision for each image."""

    labels: np.ndarray
    counts: np.ndarray
    membranes: np.ndarray
    steps: np.ndarray


def run(chip: Chip, pixels: np.ndarray, *, trace: bool = False, batch: int = 256) -> Inference:
    """Runs ``pixels``, (images, pixels) uint8, through ``chip``.

    Raises :class:`CaptwinError` if the images do not have the chip's size or are not bytes.
    """
    check_pixels(chip, pixels)
    parts = [_run_batch(chip, pixels[start : start + batch], trace) for start in range(0, len(pixels), batch)]
    if not parts:
        raise CaptwinError("images: none were given")
    answers, traces = zip(*parts, strict=True)
    return Inference(
        *(np.concatenate(column) for column in zip(*answers, strict=True)),
        traces=tuple(
            LayerTrace(*(np.concatenate([getattr(part[n], name) for part in traces]) for name in ("acc", "u", "v", "s")))
            for n in range(len(chip.layers) if trace else 0)
        ),
    )


def check_pixels(chip: Chip, pixels: np.ndarray) -> None:
    """Raises :class:`CaptwinError` unless ``pixels`` is an (images, pixels) uint8 array for ``chip``."""
    if pixels.ndim != 2 or pixels.shape[1] != chip.pixels:
        height, width = chip.image
        got = pixels.shape[1:] if pixels.ndim > 1 else pixels.shape
        raise CaptwinError(f"images: this chip takes {height} x {width} = {chip.pixels} pixels, got {got}; resize them")
    if pixels.dtype != np.uint8:
        raise CaptwinError(f"images: pixels must be uint8 (0 to 255), got {pixels.dtype}")


def drive(layer: Layer, formats: Formats, acc: np.ndarray) -> np.ndarray:
    """Drive codes u from accumulators, (..., columns)."""
    scaled = acc * layer.gains.astype(np.int64) + layer.offsets + (1 << (layer.shift - 1))
    return np.clip(scaled >> layer.shift, 0, formats.drive_max)


def fire(layer: Layer, formats: Formats, v: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Spikes of neurons with old membrane v, old spike b and drive u; all (..., columns)."""
    fv = formats.membrane_fraction
    i, x = v >> fv, v & ((1 << fv) - 1)
    curve = layer.thresholds.astype(np.int64)
    threshold = (((1 << fv) - x) * curve[b, i] + x * curve[b, i + 1] + (1 << (fv - 1))) >> fv
    return (u >= threshold + layer.threshold_offsets).astype(np.int64)


def move(layer: Layer, formats: Formats, v: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """New membranes from old membrane v, old spike b and drive u; all (..., columns)."""
    fv, fu = formats.membrane_fraction, formats.drive_fraction
    i, x = v >> fv, v & ((1 << fv) - 1)
    m, y = u >> fu, u & ((1 << fu) - 1)
    knots = layer.surfaces.astype(np.int64)
    x_rest, y_rest = (1 << fv) - x, (1 << fu) - y
    p = x_rest * (y_rest * knots[b, i, m] + y * knots[b, i, m + 1])
    p += x * (y_rest * knots[b, i + 1, m] + y * knots[b, i + 1, m + 1])
    return (p + (1 << (fv + fu - 1))) >> (fv + fu)


def decide(chip: Chip, spikes: np.ndarray, v: np.ndarray) -> Answer:
    """The readout's answers from the last layer's spikes and membranes, (images, steps, classes)."""
    images, steps, _ = spikes.shape
    running = spikes.cumsum(axis=1)
    last = np.full(images, steps - 1)
    if chip.readout == "first_spike":
        fired = spikes.any(axis=2)
        last = np.where(fired.any(axis=1), fired.argmax(axis=1), last)
    rows = np.arange(images)
    counts, membranes = running[rows, last], v[rows, last]
    # Most spikes first, then the larger membrane; argmax takes the lower index of equals.
    labels = (counts * (chip.formats.membrane_max + 1) + membranes).argmax(axis=1)
    return Answer(labels, counts, membranes, last + 1)


def _run_batch(chip: Chip, pixels: np.ndarray, trace: bool) -> tuple[Answer, list[LayerTrace]]:
    codes = pixels.astype(np.int32)
    spikes = np.stack([encode_step(chip.encoder, codes, step) for step in range(chip.encoder.steps)], axis=1)
    v = np.empty(0)
    traces = []
    for layer in chip.layers:
        acc = accumulate(layer, chip.formats, spikes)
        u = drive(layer, chip.formats, acc)
        v, spikes = _update(layer, chip.formats, u)
        if trace:
            traces.append(LayerTrace(acc, u, v, spikes))
    return decide(chip, spikes, v), traces


def accumulate(layer: Layer, formats: Formats, spikes: np.ndarray) -> np.ndarray:
    """Sums of the charge codes of rows that spike: (..., rows) to (..., columns), int64."""
    # BLAS multiplies floats only; they are exact while every partial sum fits the significand.
    exact = np.float32 if formats.accumulator_bits(layer.rows) <= 24 else np.float64
    return (spikes.astype(exact) @ layer.charges.astype(exact)).astype(np.int64)


def _update(layer: Layer, formats: Formats, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    v_all, s_all = np.empty_like(u), np.empty_like(u)
    for v, s, step in _steps(layer, formats, u):
        v_all[:, step], s_all[:, step] = v, s
    return v_all, s_all


def _steps(layer: Layer, formats: Formats, u: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    v = np.full_like(u[:, 0], layer.rest)
    b = np.zeros_like(v)
    for step in range(u.shape[1]):
        s = fire(layer, formats, v, b, u[:, step])
        v = move(layer, formats, v, b, u[:, step])
        b = s
        yield v, b, step
