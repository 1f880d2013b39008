"""Which weights of a layer are kept, and their charge codes: magnitude pruning.

Zhu and Gupta, "To prune, or not to prune", 2017: the share of weights that are zero rises quickly at first and then
ever more slowly, so that the network can follow.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from captwin.sim.devices.mapping import Mapping


def kept_share(sparsity: float, progress: float) -> float:
    """Share of the weights that are kept when ``progress``, 0 to 1, of the pruning is done."""
    return 1 - sparsity * (1 - (1 - progress) ** 3)


def largest(weights: Tensor, share: float, fan_in: int = 0) -> Tensor:
    """(rows, columns) booleans: the ``share`` of all weights, at least one, whose magnitudes are largest. With a
    ``fan_in`` they are chosen among the so many largest of each column, and there may be fewer."""
    sizes = weights.detach().abs()
    if 0 < fan_in < len(sizes):
        ranks = sizes.argsort(dim=0, descending=True, stable=True).argsort(dim=0)
        sizes = torch.where(ranks < fan_in, sizes, -1.0)
    count = max(1, round(share * sizes.numel()))
    # Of equal ones the first are taken, so that one seed gives one chip.
    chosen = sizes.flatten().argsort(descending=True, stable=True)[:count]
    kept = torch.zeros(sizes.numel(), dtype=torch.bool, device=sizes.device)
    kept[chosen] = True
    return kept.view_as(sizes) & (sizes >= 0)


class Keep(torch.autograd.Function):
    """Charge codes of the weights that ``kept`` keeps, at least one away from zero, and exactly zero elsewhere; the
    gradient passes straight through to all, so that a weight can come back while there is pruning."""

    @staticmethod
    def forward(ctx: FunctionCtx, codes: Tensor, kept: Tensor, mapping: Mapping) -> Tensor:
        return keep(codes, kept, mapping)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0], None, None


def keep(codes: Tensor, kept: Tensor, mapping: Mapping) -> Tensor:
    """:class:`Keep` without gradients; ``mapping`` must know a code of one."""
    whole: Any = mapping.snap(codes, torch.floor)
    least = torch.where(codes < 0, -1.0, 1.0).to(codes.dtype)
    return torch.where(whole == 0, least, whole) * kept
