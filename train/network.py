"""The differentiable circuit: layers of memcapacitor columns whose neurons are the tables of a circuit.

In training mode a network computes in float32, in units of codes, with gradients; in eval mode it does the exact
arithmetic of the chip that it would be exported as.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.functional import grid_sample

from hw.chip import Analog, Chip, Encoder, Layer, Readout
from sim.analog.quantise import QuantisedNeuron
from sim.analog.table import NeuronTable
from sim.encode import encode_step
from train.exact import Answer, ExactNetwork
from train.mapping import Mapping, column_scale, to_capacitances, unit_capacitance


@dataclass(frozen=True)
class Technology:
    """What all layers of a network share."""

    neuron: QuantisedNeuron
    mapping: Mapping
    table: NeuronTable  #: that the neuron was quantised from
    bias_share: float  #: unit pairs of the bias pair, as a share of a layer's rows
    #: False trains with weights, drives and membranes of full float precision
    quantised: bool
    surrogate_width: float  #: V of drive over which the spike's surrogate gradient falls to a quarter

    @property
    def analog(self) -> Analog:
        """What a chip file says of the circuit."""
        table = self.table
        return Analog(
            circuit=table.circuit,
            corner=table.corner,
            temperature=table.temperature,
            table_sha256=table.circuit_sha256,
            supply=table.supply,
            v_read=self.mapping.v_read,
            c_membrane=table.c_membrane,
        )


class FloatTrace(NamedTuple):
    """What a layer computed in training mode, in codes; each tensor is (steps, images, columns)."""

    u: Tensor
    v: Tensor
    s: Tensor


class _Round(torch.autograd.Function):
    """Rounds half up; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> Tensor:
        return grads[0]


class _Snap(torch.autograd.Function):
    """Nearest charge codes; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, mapping: Mapping) -> Tensor:
        snapped: Tensor = mapping.snap(x, torch.floor)
        return snapped

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


class _Clamp(torch.autograd.Function):
    """Clamps; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0], None, None


class _Spike(torch.autograd.Function):
    """1 where x > 0; the gradient is that of a fast sigmoid of ``width``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, width: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.width = width
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grads[0] / (1 + x.abs() / ctx.width).square() / ctx.width, None


class CircuitLayer(nn.Module):
    """A crossbar and its neurons. ``weight`` (rows, columns) and ``bias`` (columns,) are in units of the top code."""

    table: Tensor

    def __init__(self, rows: int, columns: int, technology: Technology, generator: torch.Generator) -> None:
        super().__init__()
        self.technology = technology
        self.bias_width = max(1, round(rows * technology.bias_share))
        self.weight = nn.Parameter(torch.randn(rows, columns, generator=generator) * INITIAL_SPREAD)
        self.bias = nn.Parameter(torch.zeros(columns))
        neuron = technology.neuron
        curves = np.broadcast_to(neuron.thresholds[:, :, None], neuron.surfaces.shape)
        channels = np.concatenate([neuron.surfaces, curves]).astype(np.float32)
        self.register_buffer("table", torch.tensor(channels)[None], persistent=False)
        self._v_codes = 1 << neuron.formats.membrane_bits
        self._u_codes = 1 << neuron.formats.drive_bits
        self._surrogate_width = technology.surrogate_width / neuron.u_lsb

    def forward(self, spikes: Tensor) -> FloatTrace:
        """(steps, images, rows) float spikes through the layer."""
        u = self.drive(spikes)
        across = u * (2 / self._u_codes) - 1
        table = self.table.expand(u.shape[1], -1, -1, -1)
        v = torch.full(u.shape[1:], float(self.technology.neuron.rest), device=u.device)
        b: Tensor | None = None
        # Of a whole u, adding a half makes this the comparison with the rounded threshold.
        half = 0.5 if self.technology.quantised else 0.0
        membranes, fired = [], []
        for u_step, x in zip(u.unbind(), across.unbind(), strict=True):
            grid = torch.stack([x, v * (2 / self._v_codes) - 1], -1)[:, None]
            at = grid_sample(table, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]
            v, threshold = at[:, 0], at[:, 2]
            if b is not None:
                v = v + b * (at[:, 1] - v)
                threshold = threshold + b * (at[:, 3] - threshold)
            if self.technology.quantised:
                v = _apply(_Round, v)
            b = _apply(_Spike, u_step + half - threshold, self._surrogate_width)
            membranes.append(v)
            fired.append(b)
        return FloatTrace(u, torch.stack(membranes), torch.stack(fired))

    def drive(self, spikes: Tensor) -> Tensor:
        """Drive codes of (steps, images, rows) spikes."""
        technology = self.technology
        mapping, neuron = technology.mapping, technology.neuron
        codes, bias = self._codes(self.weight), self._codes(self.bias)
        with torch.no_grad():
            magnitudes = codes.abs().sum(0) + self.bias_width * bias.abs()
            heaviest = mapping.load(magnitudes, len(codes) + self.bias_width).max()
            per_charge = (mapping.ratio - 1) / mapping.top * (1 - mapping.parasitic) / heaviest
            per_charge *= mapping.v_read / neuron.u_lsb
        offset = bias * (self.bias_width * per_charge) - neuron.scale.u_min / neuron.u_lsb
        # Spikes and codes are whole, so their products add up exactly; scaling comes after.
        u = (spikes @ codes) * per_charge + offset
        if technology.quantised:
            u = _apply(_Round, u)
        return _apply(_Clamp, u, 0.0, float(neuron.formats.drive_max))

    def to_layer(self) -> Layer:
        """The layer as capacitances and codes."""
        technology = self.technology
        mapping, neuron, c_column = technology.mapping, technology.neuron, technology.table.c_column
        codes, bias = (mapping.round_codes(p.detach().cpu().double().numpy()) for p in (self.weight, self.bias))
        caps = to_capacitances(codes, bias, self.bias_width, mapping, c_column)
        c_off = unit_capacitance(codes, bias, self.bias_width, mapping, c_column)
        gains, offsets, shift = column_scale(caps, c_off, mapping, neuron)
        return Layer(
            shift=shift,
            rest=neuron.rest,
            scale=neuron.scale,
            charges=codes.astype(np.int16),
            gains=gains,
            offsets=offsets,
            threshold_offsets=np.zeros(len(bias), np.int32),
            surfaces=neuron.surfaces.copy(),
            thresholds=neuron.thresholds.copy(),
            c_plus=caps.c_plus.astype(np.float32),
            c_minus=caps.c_minus.astype(np.float32),
            c_bias=caps.c_bias.astype(np.float32),
            c_column=caps.c_column.astype(np.float32),
            energy=None if neuron.energy is None else neuron.energy.copy(),
        )

    def _codes(self, weights: Tensor) -> Tensor:
        mapping = self.technology.mapping
        codes = _apply(_Clamp, weights, -1.0, 1.0) * mapping.top
        return _apply(_Snap, codes, mapping) if self.technology.quantised else codes


#: Standard deviation of a new layer's weights, in units of the top code.
INITIAL_SPREAD = 0.2


class Network(nn.Module):
    """Encoder, layers and readout; ``sizes`` are inputs, then neurons of each layer."""

    def __init__(
        self,
        image: tuple[int, int],
        sizes: tuple[int, ...],
        encoder: Encoder,
        readout: Readout,
        technology: Technology,
        seed: int,
    ) -> None:
        super().__init__()
        self.image, self.encoder, self.readout, self.technology = image, encoder, readout, technology
        generator = torch.Generator().manual_seed(seed)
        pairs = zip((image[0] * image[1], *sizes), sizes, strict=False)
        self.layers = nn.ModuleList(CircuitLayer(rows, columns, technology, generator) for rows, columns in pairs)

    def forward(self, pixels: Tensor, trace: bool = False) -> tuple[FloatTrace, ...] | Answer:
        """(images, pixels) uint8; in training mode every layer's float trace, in eval mode the exact answers."""
        if not self.training:
            return ExactNetwork(self.to_chip()).to(pixels.device)(pixels, trace)
        return self.trace(pixels)

    def trace(self, pixels: Tensor) -> tuple[FloatTrace, ...]:
        """Training mode's float traces of every layer."""
        spikes = torch.stack([encode_step(self.encoder, pixels, step) for step in range(self.encoder.steps)]).float()
        traces = []
        for layer in self.layers:
            traces.append(layer(spikes))
            spikes = traces[-1].s
        return tuple(traces)

    @torch.no_grad()
    def clip_weights(self) -> None:
        """Brings weights back that a step took beyond the devices' range, where they would have no effect."""
        for parameter in self.parameters():
            parameter.clamp_(-1.0, 1.0)

    def to_chip(self, provenance: dict[str, Any] | None = None) -> Chip:
        """The network as a chip."""
        return Chip(
            formats=self.technology.neuron.formats,
            encoder=self.encoder,
            readout=self.readout,
            image=self.image,
            layers=tuple(layer.to_layer() for layer in self.layers if isinstance(layer, CircuitLayer)),
            analog=self.technology.analog,
            provenance=provenance or {},
        )


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    return function.apply(*arguments)
