"""The golden model: a chip's exact integer arithmetic, whole batches at a time.

``docs/arithmetic.md`` states every formula used here; the gates and PyTorch's eval mode must agree bit for bit.
"""

from dataclasses import dataclass, replace

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


def run(chip: Chip, pixels: np.ndarray, *, trace: bool = False, batch: int = 256) -> Inference:
    """Runs ``pixels``, (images, pixels) uint8, through ``chip``.

    Raises :class:`CaptwinError` if the images do not have the chip's size or are not bytes.
    """
    check_pixels(chip, pixels)
    parts = [_run_batch(chip, pixels[start : start + batch], trace) for start in range(0, len(pixels), batch)]
    return Inference(
        labels=np.concatenate([part.labels for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        membranes=np.concatenate([part.membranes for part in parts]),
        steps=np.concatenate([part.steps for part in parts]),
        traces=tuple(_join(layer) for layer in zip(*(part.traces for part in parts), strict=True)),
    )


def check_pixels(chip: Chip, pixels: np.ndarray) -> None:
    """Raises :class:`CaptwinError` unless ``pixels`` is an (images, pixels) uint8 array for ``chip``, not empty."""
    if pixels.ndim != 2 or pixels.shape[1] != chip.pixels:
        height, width = chip.image
        got = pixels.shape[1:] if pixels.ndim > 1 else pixels.shape
        raise CaptwinError(f"images: this chip takes {height} x {width} = {chip.pixels} pixels, got {got}; resize them")
    if pixels.dtype != np.uint8:
        raise CaptwinError(f"images: pixels must be uint8 (0 to 255), got {pixels.dtype}")
    if not len(pixels):
        raise CaptwinError("images: none were given")


def drive(layer: Layer, formats: Formats, acc: np.ndarray) -> np.ndarray:
    """Drive codes u from accumulators, (..., columns)."""
    return np.clip(_scale(layer, acc), 0, formats.drive_max)


def saturates(layer: Layer, formats: Formats, acc: np.ndarray) -> np.ndarray:
    """Where :func:`drive` has to clamp, (..., columns)."""
    scaled = _scale(layer, acc)
    return (scaled < 0) | (scaled > formats.drive_max)


def _scale(layer: Layer, acc: np.ndarray) -> np.ndarray:
    return (acc * layer.gains.astype(np.int64) + layer.offsets + (1 << (layer.shift - 1))) >> layer.shift


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


def decide(chip: Chip, last: LayerTrace) -> Inference:
    """The readout's answers from the trace of the last layer."""
    running = last.s.cumsum(axis=1)
    images, steps, _ = running.shape
    end = np.full(images, steps - 1)
    if chip.readout == "first_spike":
        end = np.minimum((running.sum(axis=2) == 0).sum(axis=1), steps - 1)
    rows = np.arange(images)
    counts, membranes = running[rows, end], last.v[rows, end]
    # Most spikes first, then the larger membrane; argmax takes the lower index of equals.
    labels = (counts * (chip.formats.membrane_max + 1) + membranes).argmax(axis=1)
    return Inference(labels, counts, membranes, end + 1)


def accumulate(layer: Layer, formats: Formats, spikes: np.ndarray) -> np.ndarray:
    """Sums of the charge codes of rows that spike: (..., rows) to (..., columns), int64."""
    # BLAS multiplies floats only; they are exact while every partial sum fits the significand.
    exact = np.float32 if formats.accumulator_bits(layer.rows) <= 24 else np.float64
    return (spikes.astype(exact) @ layer.charges.astype(exact)).astype(np.int64)


def run_layer(layer: Layer, formats: Formats, spikes: np.ndarray) -> LayerTrace:
    """Runs a layer on input spikes (images, steps, rows), from rest."""
    acc = accumulate(layer, formats, spikes)
    u = drive(layer, formats, acc)
    v, s = np.empty_like(u), np.empty_like(u)
    membrane, spike = np.full_like(u[:, 0], layer.rest), np.zeros_like(u[:, 0])
    for step in range(u.shape[1]):
        state = membrane, spike  # both rules work on the old one
        membrane = v[:, step] = move(layer, formats, *state, u[:, step])
        spike = s[:, step] = fire(layer, formats, *state, u[:, step])
    return LayerTrace(acc, u, v, s)


def _run_batch(chip: Chip, pixels: np.ndarray, trace: bool) -> Inference:
    codes = pixels.astype(np.int32)
    spikes = np.stack([encode_step(chip.encoder, codes, step) for step in range(chip.encoder.steps)], axis=1)
    traces: list[LayerTrace] = []
    for layer in chip.layers:
        traces.append(run_layer(layer, chip.formats, traces[-1].s if traces else spikes))
    answer = decide(chip, traces[-1])
    return replace(answer, traces=tuple(traces)) if trace else answer


def _join(parts: tuple[LayerTrace, ...]) -> LayerTrace:
    return LayerTrace(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("acc", "u", "v", "s")))
