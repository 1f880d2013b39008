"""Sums over events and the neurons' response to them, differentiable: compiled on the CPU, plain PyTorch elsewhere."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from captwin.train.model.kernels import Accumulate, Curves, Respond


def accumulate(spikes: Tensor, weights: Tensor) -> Tensor:
    """(steps, images, rows) spikes, 0 or 1 of any type, times (rows, columns) weights."""
    if weights.device.type != "cpu":
        return spikes.to(weights.dtype) @ weights
    sums: Tensor = Accumulate.apply(spikes.flatten(0, 1), weights)
    return sums.unflatten(0, spikes.shape[:2])


def respond(u: Tensor, offsets: Tensor, curves: Curves) -> tuple[Tensor, Tensor]:
    """Membrane codes and spikes, (steps, images, columns) each.

    ``u``: drive codes of that shape; ``offsets``: (columns,) drive codes by which the neurons' thresholds are off.
    Backwards, rounding is passed straight through, surfaces and threshold curves have their own slopes, and a spike
    that of a fast sigmoid around its threshold; gradients flow through the spike of the step before, and where each
    outcome has a surface, through the spike of the step itself into the membrane.
    """
    if u.device.type == "cpu":
        v, s = Respond.apply(u, offsets, curves)
        return v, s
    return respond_in_torch(u, offsets, curves)


def respond_in_torch(u: Tensor, offsets: Tensor, curves: Curves) -> tuple[Tensor, Tensor]:
    """:func:`respond` for any device, in float32; the compiled one is tested against it."""
    surfaces, thresholds = (torch.tensor(array, device=u.device) for array in (curves.surfaces, curves.thresholds))
    lines = thresholds[:, :, None].expand(-1, -1, surfaces.shape[2])
    table = torch.cat([surfaces, lines])[None].expand(u.shape[1], -1, -1, -1)
    count, rows, columns = curves.surfaces.shape
    across = u * (2 / curves.u_step / (columns - 1)) - 1
    v, b = torch.full_like(u[0], curves.rest), torch.zeros_like(u[0])
    # Of a whole u, adding a half makes this the comparison with the rounded threshold.
    u = u - offsets + (0.5 if curves.rounded else 0.0)
    membranes, fired = [], []
    for drive, x in zip(u.unbind(), across.unbind(), strict=True):
        grid = torch.stack([x, v * (2 / curves.v_step / (rows - 1)) - 1], -1)[:, None]
        at = grid_sample(table, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]
        threshold = torch.lerp(at[:, count], at[:, count + 1], b)
        s = _Spike.apply(drive - threshold, curves.surrogate_width)
        outcomes = [torch.lerp(at[:, n], at[:, count // 2 + n], b) for n in range(count // 2)]
        v = torch.lerp(outcomes[0], outcomes[1], s) if count == 4 else outcomes[0]
        if curves.rounded:
            v = Round.apply(v / curves.whole) * curves.whole
        b = s
        membranes.append(v)
        fired.append(b)
    return torch.stack(membranes), torch.stack(fired)


class Round(torch.autograd.Function):
    """Rounds half up; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class _Spike(torch.autograd.Function):
    """1 where x >= 0; the gradient is that of a fast sigmoid of ``width``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, width: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.width = width
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grads[0] / (1 + x.abs() / ctx.width).square() / ctx.width, None
