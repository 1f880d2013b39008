"""The golden model: a chip's exact integer arithmetic, event by event, compiled by Numba.

``docs/arithmetic.md`` states every formula used here, in the same letters; the gates and PyTorch's eval mode must agree
bit for bit.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from captwin.hw.chip import Chip, Formats, Layer
from captwin.hw.dither import step_offsets
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, StepCounter, silent
from captwin.sim.encode import encode
from captwin.sim.jit import njit
from captwin.sim.noise import Noise, NoiseSource


@dataclass(frozen=True)
class LayerTrace:
    """Everything a layer computed; each array is (images, steps, columns) int64."""

    sums: np.ndarray  #: of the charges of the rows that spiked
    drives: np.ndarray  #: codes, 0 to the formats' drive_max
    membranes: np.ndarray  #: codes after the step, 0 to the formats' membrane_max
    spikes: np.ndarray  #: 1 where the neuron spiked, else 0


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


def run(
    chip: Chip,
    pixels: np.ndarray,
    *,
    trace: bool = False,
    batch: int = 64,
    noise: Noise | None = None,
    progress: Progress = silent,
) -> Inference:
    """Runs ``pixels``, (images, pixels) uint8, through ``chip``, ``batch`` images at a time on each core.

    Batches whose arrays stay in the caches, as those of 64 do, are the fastest. ``trace`` keeps everything that every
    layer computes. With ``noise`` every cycle of every neuron is disturbed as the analog chip is; equal noise gives
    equal numbers, whatever the batch. ``progress`` is called in the caller's thread with how many images are done.

    Raises :class:`CaptwinError` if the images do not have the chip's size or are not bytes, or if the noise is larger
    than what the chip's codes span.

    >>> digits = captwin.load_dataset("digits")
    >>> captwin.run_golden(captwin.load_chip("digits-tiny"), digits.test_images).accuracy(digits.test_labels) > 0.94
    True
    """
    check_pixels(chip, pixels)
    source = NoiseSource(chip, noise) if noise else None
    images = range(len(pixels))
    batches = [images[start : start + batch] for start in range(0, len(pixels), batch)]
    steps = StepCounter(progress, "images", len(pixels))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = []
        for part in pool.map(lambda some: _run_batch(chip, pixels, some, trace, source), batches):
            parts.append(part)
            steps.add(len(part.labels))
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


def unclamped_drives(layer: Layer, sums: np.ndarray, noise: np.ndarray | int = 0) -> np.ndarray:
    """Drive codes of ``sums``, (..., steps, columns), before they are clamped; ``noise`` is what it adds to them."""
    offsets = step_offsets(layer, sums.shape[-2])
    scaled = sums * layer.gains.astype(np.int64) + offsets + noise + (1 << (layer.shift - 1))
    return np.asarray(scaled >> layer.shift)


def saturates(layer: Layer, formats: Formats, sums: np.ndarray) -> np.ndarray:
    """Where the drive of ``sums``, (..., steps, columns), has to be clamped."""
    drives = unclamped_drives(layer, sums)
    return (drives < 0) | (drives > formats.drive_max)


def decide(chip: Chip, membranes: np.ndarray, spikes: np.ndarray) -> Inference:
    """The readout's answers from the membranes and spikes of the last layer, (images, steps, classes) integers."""
    running = spikes.cumsum(axis=1)
    images, steps, _ = running.shape
    end = np.full(images, steps - 1)
    if chip.readout == "first_spike":
        end = np.minimum((running.sum(axis=2) == 0).sum(axis=1), steps - 1)
    rows = np.arange(images)
    counts, decisive = running[rows, end], membranes[rows, end]
    # Most spikes first, then the larger membrane; argmax takes the lower index of equals.
    labels = (counts * (chip.formats.membrane_max + 1) + decisive).argmax(axis=1)
    return Inference(labels, counts, decisive, end + 1)


def run_layer(layer: Layer, formats: Formats, spikes: np.ndarray, disturbances: np.ndarray | None = None) -> LayerTrace:
    """Runs a layer on input spikes (images, steps, rows), from rest.

    ``disturbances`` are what :meth:`~captwin.sim.noise.NoiseSource.draw` gives for these images.
    """
    images, steps, _ = spikes.shape
    trace = LayerTrace(*(np.empty((images, steps, layer.columns), np.int64) for _ in fields(LayerTrace)))
    # A vector register holds twice as many of the narrower sums; where they could overflow, int64.
    sums = np.zeros(layer.columns, np.int32 if formats.accumulator_bits(layer.rows) <= 32 else np.int64)
    spikes = np.ascontiguousarray(spikes, bool)
    columns, neurons = _columns(layer, formats, steps), _neurons(layer, formats, layer.threshold_offsets)
    outputs = _Outputs(trace.sums, trace.drives, trace.membranes, trace.spikes)
    if disturbances is None:
        _run_quiet(spikes, columns, neurons, sums, outputs)
    else:
        _run(spikes, columns, neurons, sums, outputs, disturbances)
    return trace


def run_cycle(
    layer: Layer,
    formats: Formats,
    v: np.ndarray,
    b: np.ndarray,
    u: np.ndarray,
    disturbances: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Membranes and spikes of neurons after one cycle, from old membrane v, old spike b and drive u; (..., columns).

    ``disturbances``, (..., columns, 2), are what noise adds to threshold and membrane, the last two of
    :meth:`~captwin.sim.noise.NoiseSource.draw`.
    """
    states = np.broadcast_arrays(v, b, u, layer.threshold_offsets)
    v, b, u, d = (array.astype(np.int64).ravel() for array in states)
    membranes, spikes = np.empty_like(v), np.empty_like(v)
    noise = None if disturbances is None else disturbances.astype(np.int64).reshape(-1, 2)
    _cycles(v, b, u, _neurons(layer, formats, d), membranes, spikes, noise)
    return membranes.reshape(states[0].shape), spikes.reshape(states[0].shape)


class _Outputs(NamedTuple):
    """What :class:`LayerTrace` has, in the letters of ``docs/arithmetic.md``."""

    acc: np.ndarray
    u: np.ndarray
    v: np.ndarray
    s: np.ndarray


class _Columns(NamedTuple):
    """From a layer's input spikes to its drives, in the letters of ``docs/arithmetic.md``; h is (steps, columns)."""

    w: np.ndarray
    g: np.ndarray
    h: np.ndarray
    k: int
    drive_max: int
    v_rest: int


class _Neurons(NamedTuple):
    """A layer's neurons, in the letters of ``docs/arithmetic.md``; T is (2, KV, KU), or (4, KV, KU) with b * 2 + s."""

    T: np.ndarray
    D: np.ndarray
    d: np.ndarray
    fv: int
    fu: int
    v_max: int


def _columns(layer: Layer, formats: Formats, steps: int) -> _Columns:
    gains, offsets = layer.gains.astype(np.int64), np.ascontiguousarray(step_offsets(layer, steps))
    return _Columns(layer.charges, gains, offsets, layer.shift, formats.drive_max, layer.rest)


def _neurons(layer: Layer, formats: Formats, threshold_offsets: np.ndarray) -> _Neurons:
    numbers = formats.membrane_fraction, formats.drive_fraction, formats.membrane_max
    surfaces = layer.surfaces.reshape(-1, formats.membrane_knots, formats.drive_knots)
    return _Neurons(surfaces, layer.thresholds, threshold_offsets, *numbers)


@njit(cache=True, nogil=True)
def _run(
    spikes: np.ndarray,
    columns: _Columns,
    neurons: _Neurons,
    sums: np.ndarray,
    outputs: _Outputs,
    disturbances: np.ndarray | None,
) -> None:
    images, steps, rows = spikes.shape
    w, g, h, k = columns.w, columns.g, columns.h, columns.k
    acc, u, v, s = outputs
    half = 1 << (k - 1)
    for image in range(images):
        for step in range(steps):
            sums[:] = 0
            for row in range(rows):
                if spikes[image, step, row]:  # a silent row costs nothing, here as in the gates
                    for j in range(len(sums)):
                        sums[j] += w[row, j]
            for j in range(len(sums)):
                total = np.int64(sums[j])
                fine = total * g[j] + h[step, j] + half
                if disturbances is not None:
                    after_spike = step and s[image, step - 1, j]
                    fine += disturbances[image, step, j, 0] + after_spike * disturbances[image, step, j, 1]
                drive = min(max(fine >> k, 0), columns.drive_max)
                old, b = columns.v_rest, 0
                if step:
                    old, b = v[image, step - 1, j], s[image, step - 1, j]
                acc[image, step, j], u[image, step, j] = total, drive
                if disturbances is None:
                    v[image, step, j], s[image, step, j] = _cycle(old, b, drive, j, neurons, None)
                else:
                    last = disturbances[image, step, j, 2], disturbances[image, step, j, 3]
                    v[image, step, j], s[image, step, j] = _cycle(old, b, drive, j, neurons, last)


@njit(cache=True, nogil=True)
def _run_quiet(spikes: np.ndarray, columns: _Columns, neurons: _Neurons, sums: np.ndarray, outputs: _Outputs) -> None:
    """:func:`_run` without noise; that there is none is then known when it is compiled."""
    _run(spikes, columns, neurons, sums, outputs, None)


@njit(cache=True, nogil=True)
def _cycles(
    v: np.ndarray,
    b: np.ndarray,
    u: np.ndarray,
    neurons: _Neurons,
    membranes: np.ndarray,
    spikes: np.ndarray,
    noise: np.ndarray | None,
) -> None:
    for n in range(len(v)):
        if noise is None:
            membranes[n], spikes[n] = _cycle(v[n], b[n], u[n], n, neurons, None)
        else:
            membranes[n], spikes[n] = _cycle(v[n], b[n], u[n], n, neurons, (noise[n, 0], noise[n, 1]))


@njit(cache=True, nogil=True)
def _cycle(v: int, b: int, u: int, j: int, neurons: _Neurons, disturbance: tuple[int, int] | None) -> tuple[int, int]:
    """Membrane and spike of neuron j of ``neurons`` after a cycle, from old membrane v, old spike b and drive u.

    ``disturbance``, if any, is what noise adds to the threshold and to the membrane before they are rounded.
    """
    T, D, fv, fu = neurons.T, neurons.D, neurons.fv, neurons.fu
    X, Y = 1 << fv, 1 << fu
    i, x = v >> fv, v & (X - 1)
    m, y = u >> fu, u & (Y - 1)
    threshold = (X - x) * np.int64(D[b, i]) + x * np.int64(D[b, i + 1]) + (X >> 1)
    if disturbance is not None:
        threshold += disturbance[0]
    s = int(u >= (threshold >> fv) + neurons.d[j])
    n = b * 2 + s if len(T) == 4 else b
    p = (X - x) * ((Y - y) * np.int64(T[n, i, m]) + y * np.int64(T[n, i, m + 1]))
    p += x * ((Y - y) * np.int64(T[n, i + 1, m]) + y * np.int64(T[n, i + 1, m + 1]))
    p += X * Y >> 1
    if disturbance is not None:
        last = (np.int64(neurons.v_max + 1) << (fv + fu)) - 1
        p = min(max(p + np.int64(disturbance[1]), np.int64(0)), last)
    return int(p >> (fv + fu)), s


def _run_batch(chip: Chip, pixels: np.ndarray, images: range, trace: bool, source: NoiseSource | None) -> Inference:
    spikes = encode(chip.encoder, pixels[images.start : images.stop])
    traces: list[LayerTrace] = []
    for number, layer in enumerate(chip.layers):
        disturbances = source.draw(number, images) if source else None
        traces.append(run_layer(layer, chip.formats, traces[-1].spikes if traces else spikes, disturbances))
    answer = decide(chip, traces[-1].membranes, traces[-1].spikes)
    return replace(answer, traces=tuple(traces)) if trace else answer


def _join(parts: tuple[LayerTrace, ...]) -> LayerTrace:
    return LayerTrace(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(LayerTrace)))
