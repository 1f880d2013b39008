"""PyTorch's own exact arithmetic of a chip: int64 tensors, any device, bit for bit the golden model.

This is what networks do in eval mode. It shares no code with :mod:`captwin.sim.golden` but the encoders, so that their
agreement proves something.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from captwin.hw.chip import Chip, Formats, Layer
from captwin.hw.dither import dither_numbers
from captwin.sim.encode import encode


class Trace(NamedTuple):
    """What a layer computed; each tensor is (images, steps, columns), integers."""

    sums: Tensor
    drives: Tensor
    membranes: Tensor
    spikes: Tensor


class Answer(NamedTuple):
    """Readout of a batch: (images,) labels, (images, classes) counts and membranes, (images,) steps taken."""

    labels: Tensor
    counts: Tensor
    membranes: Tensor
    steps: Tensor
    traces: tuple[Trace, ...]


class ExactLayer(nn.Module):
    """One layer of a chip as integer tensors."""

    charges: Tensor
    gains: Tensor
    offsets: Tensor
    threshold_offsets: Tensor
    surfaces: Tensor
    thresholds: Tensor

    def __init__(self, layer: Layer, formats: Formats) -> None:
        super().__init__()
        self.formats, self.shift, self.rest = formats, layer.shift, layer.rest
        self.by_outcome, self.dither = layer.by_outcome, layer.dither
        # Matrix products run in floats, whose significand must hold any sum of charges.
        fits = formats.accumulator_bits(layer.rows) <= 24
        self.register_buffer("charges", torch.tensor(layer.charges, dtype=torch.float32 if fits else torch.float64))
        for name in ("gains", "offsets", "threshold_offsets"):
            self.register_buffer(name, torch.tensor(getattr(layer, name).astype("int64")))
        self.register_buffer("surfaces", torch.tensor(layer.surfaces.astype("int64")).flatten())
        self.register_buffer("thresholds", torch.tensor(layer.thresholds.astype("int64")).flatten())

    def forward(self, spikes: Tensor) -> Trace:
        """(images, steps, rows) spikes, integers or booleans."""
        sums = (spikes.to(self.charges.dtype) @ self.charges).long()
        half = 1 << (self.shift - 1)
        scaled = sums * self.gains + self.offsets + half
        if self.dither:
            numbers = dither_numbers(self.dither.seed, *sums.shape[1:])
            scaled = scaled + self.dither.amplitude * torch.tensor(numbers, device=sums.device)
        drives = (scaled >> self.shift).clamp(0, self.formats.drive_max)
        v = torch.full_like(drives[:, 0], self.rest)
        b = torch.zeros_like(v)
        membranes, fired = [], []
        for step in range(drives.shape[1]):
            v, b = self._cycle(v, b, drives[:, step])
            membranes.append(v)
            fired.append(b)
        return Trace(sums, drives, torch.stack(membranes, 1), torch.stack(fired, 1))

    def _cycle(self, v: Tensor, b: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        formats = self.formats
        fv, fu = formats.membrane_fraction, formats.drive_fraction
        i, x = v >> fv, v & ((1 << fv) - 1)
        m, y = u >> fu, u & ((1 << fu) - 1)
        knot = b * formats.membrane_knots + i
        low, high = self.thresholds[knot], self.thresholds[knot + 1]
        threshold = ((low << fv) + x * (high - low) + (1 << (fv - 1))) >> fv
        fires = (u >= threshold + self.threshold_offsets).long()
        if self.by_outcome:
            knot = (2 * b + fires) * formats.membrane_knots + i
        corner = knot * formats.drive_knots + m
        below = self._along_u(corner, y, fu)
        above = self._along_u(corner + formats.drive_knots, y, fu)
        moved = ((below << fv) + x * (above - below) + (1 << (fv + fu - 1))) >> (fv + fu)
        return moved, fires

    def _along_u(self, corner: Tensor, y: Tensor, fu: int) -> Tensor:
        left = self.surfaces[corner]
        return (left << fu) + y * (self.surfaces[corner + 1] - left)


class ExactNetwork(nn.Module):
    """A chip as a PyTorch module."""

    def __init__(self, chip: Chip) -> None:
        super().__init__()
        self.encoder, self.readout = chip.encoder, chip.readout
        self.layers = nn.ModuleList(ExactLayer(layer, chip.formats) for layer in chip.layers)
        self.membrane_bits = chip.formats.membrane_bits

    @torch.no_grad()
    def forward(self, pixels: Tensor, trace: bool = False) -> Answer:
        """(images, pixels) uint8 to the readout's answers."""
        spikes = encode(self.encoder, pixels)
        traces: list[Trace] = []
        for layer in self.layers:
            traces.append(layer(spikes))
            spikes = traces[-1].spikes
        last = traces[-1]
        return Answer(*self._decide(last.membranes, last.spikes), tuple(traces) if trace else ())

    def _decide(self, membranes: Tensor, spikes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        images, steps, _ = spikes.shape
        end = torch.full((images,), steps - 1, device=spikes.device)
        if self.readout == "first_spike":
            silent = spikes.sum(2).cumsum(1).eq(0).sum(1)  # steps before the first spike
            end = silent.clamp(max=steps - 1)
        rows = torch.arange(images, device=spikes.device)
        counts, decisive = spikes.cumsum(1)[rows, end], membranes[rows, end]
        score = (counts << self.membrane_bits) + decisive
        # Of equal scores the lower index wins; argmax alone does not promise that.
        labels = (score == score.amax(1, keepdim=True)).int().cumsum(1).eq(0).sum(1)
        return labels, counts, decisive, end + 1
