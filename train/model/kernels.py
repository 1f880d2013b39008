"""What a training step spends its time in, compiled by Numba: sums over events, and neurons over all time steps.

Both are PyTorch operations with gradients for tensors on the CPU; :mod:`captwin.train.model.response` has the same in
plain PyTorch for other devices.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import prange, set_num_threads
from torch import Tensor

from captwin.sim.jit import njit


class Accumulate(torch.autograd.Function):
    """(cells, rows) spikes times (rows, columns) weights, (cells, columns); the time it takes goes with the spikes."""

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, weights: Tensor) -> Tensor:
        set_num_threads(torch.get_num_threads())
        rows, counts = np.empty(spikes.shape, np.int32), np.empty(len(spikes), np.int64)
        sums = np.zeros((len(spikes), weights.shape[1]), np.float32)
        _sum_rows(spikes.detach().numpy(), weights.detach().numpy(), rows, counts, sums)
        ctx.save_for_backward(weights)
        ctx.events = rows, counts
        return torch.from_numpy(sums)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (weights,) = ctx.saved_tensors
        incoming = grads[0].contiguous()
        of_spikes = incoming @ weights.T if ctx.needs_input_grad[0] else None
        of_weights = np.zeros(weights.shape, np.float32)
        rows, counts = ctx.events
        _sum_cells(rows, counts, incoming.numpy(), of_weights)
        return of_spikes, torch.from_numpy(of_weights)


@njit(parallel=True, cache=True)
def _sum_rows(spikes: Any, weights: Any, rows: Any, counts: Any, sums: Any) -> None:
    """Fills ``rows`` (cells, rows) with each cell's ``counts`` spiking rows, and sums their weights."""
    cells, inputs = spikes.shape
    for cell in prange(cells):
        spiking = 0
        for row in range(inputs):
            rows[cell, spiking] = row  # kept if the row spikes, else overwritten
            spiking += spikes[cell, row] != 0
        counts[cell] = spiking
        for event in range(spiking):
            row = rows[cell, event]
            for j in range(weights.shape[1]):
                sums[cell, j] += weights[row, j]


@njit(parallel=True, cache=True)
def _sum_cells(rows: Any, counts: Any, incoming: Any, of_weights: Any) -> None:
    inputs, columns = of_weights.shape
    firsts = np.zeros(inputs + 1, np.int64)
    for cell in range(len(counts)):
        for event in range(counts[cell]):
            firsts[rows[cell, event] + 1] += 1
    firsts = np.cumsum(firsts)
    by_row, filled = np.empty(firsts[-1], np.int32), firsts.copy()
    for cell in range(len(counts)):
        for event in range(counts[cell]):
            row = rows[cell, event]
            by_row[filled[row]] = cell
            filled[row] += 1
    for row in prange(inputs):  # a row belongs to one thread, so the order of its sum never changes
        for event in range(firsts[row], firsts[row + 1]):
            cell = by_row[event]
            for j in range(columns):
                of_weights[row, j] += incoming[cell, j]


class Curves(NamedTuple):
    """A neuron's tables for the kernels, in codes."""

    surfaces: np.ndarray  #: (2, KV, KU), or (4, KV, KU) with b * 2 + s, float32
    thresholds: np.ndarray  #: (2, KV) float32
    rest: float
    v_step: float  #: membrane codes between two knots
    u_step: float  #: drive codes between two knots
    rounded: bool  #: membranes and thresholds rounded, as in the chip
    surrogate_width: float  #: drive codes
    noise: float = 0.0  #: drive codes RMS, that training adds to each drive
    whole: float = 1.0  #: membrane codes that ``rounded`` membranes are multiples of


class Respond(torch.autograd.Function):
    """Membranes and spikes, (steps, images, columns) each, from drives u of that shape and from offsets of the
    thresholds, (columns,); drive codes and membrane codes. With whole drives and ``rounded`` it is exact."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, offsets: Tensor, curves: Curves) -> tuple[Tensor, Tensor]:
        set_num_threads(torch.get_num_threads())
        drives, shift = u.detach().numpy(), offsets.detach().numpy()
        v, s = np.empty_like(drives), np.empty_like(drives)
        _respond(drives, shift, curves, v, s)
        ctx.given = drives, shift, v, s, curves
        return torch.from_numpy(v), torch.from_numpy(s)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        drives, shift, v, s, curves = ctx.given
        of_u = np.empty_like(drives)
        of_v, of_s = (grad.contiguous().numpy() for grad in grads)
        _respond_backward(drives, shift, curves, v, s, of_v, of_s, of_u)
        return torch.from_numpy(of_u), None, None


@njit(parallel=True, cache=True)
def _respond(u: Any, offsets: Any, curves: Curves, v: Any, s: Any) -> None:
    steps, images, columns = u.shape
    surfaces, thresholds, rest, dv, du = curves.surfaces, curves.thresholds, curves.rest, curves.v_step, curves.u_step
    last_v, last_u = surfaces.shape[1] - 2, surfaces.shape[2] - 2
    for image in prange(images):
        for step in range(steps):
            for j in range(columns):
                old, b = rest, 0
                if step:
                    old, b = v[step - 1, image, j], int(s[step - 1, image, j])
                at_v, at_u = old / dv, u[step, image, j] / du
                i, m = max(min(int(at_v), last_v), 0), max(min(int(at_u), last_u), 0)
                x, y = at_v - i, at_u - m
                threshold = (1 - x) * thresholds[b, i] + x * thresholds[b, i + 1]
                if curves.rounded:
                    threshold = np.floor(threshold + 0.5)
                fires = u[step, image, j] >= threshold + offsets[j]
                n = b * 2 + int(fires) if len(surfaces) == 4 else b
                low = (1 - y) * surfaces[n, i, m] + y * surfaces[n, i, m + 1]
                high = (1 - y) * surfaces[n, i + 1, m] + y * surfaces[n, i + 1, m + 1]
                new = (1 - x) * low + x * high
                v[step, image, j] = np.floor(new / curves.whole + 0.5) * curves.whole if curves.rounded else new
                s[step, image, j] = fires


@njit(parallel=True, cache=True)
def _respond_backward(u: Any, offsets: Any, curves: Curves, v: Any, s: Any, of_v: Any, of_s: Any, of_u: Any) -> None:
    steps, images, columns = u.shape
    surfaces, thresholds, rest, dv, du = curves.surfaces, curves.thresholds, curves.rest, curves.v_step, curves.u_step
    last_v, last_u = surfaces.shape[1] - 2, surfaces.shape[2] - 2
    half = 0.5 if curves.rounded else 0.0  # a rounded threshold is reached a half below it
    for image in prange(images):
        from_v, from_s = np.zeros(columns), np.zeros(columns)  # what the later steps say of this one's state
        for step in range(steps - 1, -1, -1):
            for j in range(columns):
                old, b = rest, 0
                if step:
                    old, b = v[step - 1, image, j], int(s[step - 1, image, j])
                at_v, at_u = old / dv, u[step, image, j] / du
                i, m = max(min(int(at_v), last_v), 0), max(min(int(at_u), last_u), 0)
                x, y = at_v - i, at_u - m
                n, of_b = b, 1
                if len(surfaces) == 4:
                    n, of_b = b * 2 + int(s[step, image, j]), 2
                f00, f01 = surfaces[n, i, m], surfaces[n, i, m + 1]
                f10, f11 = surfaces[n, i + 1, m], surfaces[n, i + 1, m + 1]
                slope_v = ((1 - y) * (f10 - f00) + y * (f11 - f01)) / dv
                slope_u = ((1 - x) * (f01 - f00) + x * (f11 - f10)) / du
                here = (1 - x) * ((1 - y) * f00 + y * f01) + x * ((1 - y) * f10 + y * f11)
                threshold = (1 - x) * thresholds[b, i] + x * thresholds[b, i + 1]
                slope_threshold = (thresholds[b, i + 1] - thresholds[b, i]) / dv
                distance = 1 + abs(u[step, image, j] + half - threshold - offsets[j]) / curves.surrogate_width
                membrane = of_v[step, image, j] + from_v[j]
                of_spike = of_s[step, image, j] + from_s[j]
                if len(surfaces) == 4:  # the spike takes the membrane to the other outcome's surface
                    silent, firing = _between(surfaces[b * 2], i, m, x, y), _between(surfaces[b * 2 + 1], i, m, x, y)
                    of_spike += membrane * (firing - silent)
                decision = of_spike / (distance * distance * curves.surrogate_width)
                of_u[step, image, j] = decision + membrane * slope_u
                from_v[j] = membrane * slope_v - decision * slope_threshold
                fired = 1 - 2 * b  # differences are those of the neuron that fired from the one that did not
                there = _between(surfaces[n + fired * of_b], i, m, x, y)
                threshold_of_other = (1 - x) * thresholds[1 - b, i] + x * thresholds[1 - b, i + 1]
                from_s[j] = fired * (membrane * (there - here) - decision * (threshold_of_other - threshold))


@njit(cache=True)
def _between(surface: Any, i: int, m: int, x: float, y: float) -> float:
    """Bilinear in the cell of knots i, i + 1 and m, m + 1, at ``x`` and ``y`` of its width."""
    low = (1 - y) * surface[i, m] + y * surface[i, m + 1]
    high = (1 - y) * surface[i + 1, m] + y * surface[i + 1, m + 1]
    return float((1 - x) * low + x * high)
