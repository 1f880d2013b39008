"""The differentiable circuit: layers of memcapacitor columns whose neurons are the tables of a circuit.

In training mode a network computes in float32, in units of codes, with gradients; in eval mode it does the exact
arithmetic of the chip that it would be exported as.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from captwin.hw.chip import Analog, Chip, Layer, Readout
from captwin.hw.encoders.encoder import Encoder
from captwin.sim.devices.gains import column_gains
from captwin.sim.devices.mapping import Mapping
from captwin.sim.encode import encode
from captwin.sim.neurons.circuits import analog_of, around_neurons
from captwin.sim.neurons.direct import DirectNeuron
from captwin.sim.neurons.quantise import QuantisedNeuron
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.noise import Noise, drive_noise
from captwin.train.model.direct import DirectNeurons, direct_curves
from captwin.train.model.exact import Answer, ExactNetwork
from captwin.train.model.kernels import Curves
from captwin.train.model.pruning import Keep, keep, kept_share, largest
from captwin.train.model.response import Round, accumulate, respond


@dataclass(frozen=True)
class Technology:
    """What a layer is made of; all layers of a network may share one."""

    neuron: QuantisedNeuron
    mapping: Mapping
    table: NeuronTable  #: that the neuron was quantised from
    bias_share: float  #: unit pairs of the bias pair, as a share of a layer's rows
    #: False trains with weights, drives and membranes of full float precision
    quantised: bool
    surrogate_width: float  #: V of drive over which the spike's surrogate gradient falls to a quarter
    sigma_c: float = 0.0  #: relative spread of the memcapacitors that training has to live with
    sigma_threshold: float = 0.0  #: V of drive, spread of the neurons' thresholds, likewise
    noise: Noise | None = None  #: of each cycle, that training has to live with; its seed has no part in it
    sparsity: float = 0.0  #: share of the layer's weights that are zero in the chip
    fan_in: int = 0  #: most weights of a column that are not zero; 0: as many as there are rows
    #: neurons without interpolation; ``neuron`` then has their formats and membranes, and drives of some layer
    direct: DirectNeurons | None = None

    @cached_property
    def curves(self) -> Curves:
        """The neuron for :mod:`captwin.train.model.response`."""
        formats = self.neuron.formats
        knots = (formats.membrane_knots, formats.drive_knots)
        return Curves(
            surfaces=self.neuron.surfaces.reshape(-1, *knots).astype(np.float32),
            thresholds=self.neuron.thresholds.astype(np.float32),
            rest=float(self.neuron.rest),
            v_step=float(1 << formats.membrane_fraction),
            u_step=float(1 << formats.drive_fraction),
            rounded=self.quantised,
            surrogate_width=self.surrogate_width / self.neuron.drives.lsb,
            noise=self.drive_noise(self.neuron) / self.neuron.drives.lsb,
        )

    def drive_noise(self, neuron: QuantisedNeuron) -> float:
        """V RMS of drive that stands for all noise of a cycle."""
        if self.noise is None:
            return 0.0
        return drive_noise(self.analog, self.table.c_column, neuron, self.noise)

    @property
    def analog(self) -> Analog:
        """What a chip file says of the circuit."""
        return analog_of(self.table, self.mapping.v_read)


class FloatTrace(NamedTuple):
    """What a layer computed in training mode, in codes; each tensor is (steps, images, columns)."""

    drives: Tensor
    membranes: Tensor
    spikes: Tensor


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


class CircuitLayer(nn.Module):
    """A crossbar and its neurons. ``weight`` (rows, columns) and ``bias`` (columns,) are in units of the top code.

    A layer with sparsity has two buffers, (rows, columns) booleans: ``kept`` tells which weights are not zero while it
    trains, ``final`` which of them the chip keeps.
    """

    kept: Tensor
    final: Tensor

    def __init__(self, rows: int, columns: int, technology: Technology, generator: torch.Generator) -> None:
        super().__init__()
        self.technology = technology
        self.bias_width = max(1, round(rows * technology.bias_share))
        self.weight = nn.Parameter(torch.randn(rows, columns, generator=generator) * INITIAL_SPREAD)
        self.bias = nn.Parameter(torch.zeros(columns))
        if self.pruned:
            self.register_buffer("kept", torch.ones(rows, columns, dtype=torch.bool))
            self.register_buffer("final", torch.ones(rows, columns, dtype=torch.bool))
            self.prune(0.0)

    @property
    def pruned(self) -> bool:
        """Whether some of its weights are zero by training's choice."""
        return self.technology.sparsity > 0 or self.technology.fan_in > 0

    @torch.no_grad()
    def prune(self, progress: float) -> None:
        """Chooses anew which weights are kept when ``progress``, 0 to 1, of the pruning is done."""
        if not self.pruned:
            return
        sparsity, fan_in = self.technology.sparsity, self.technology.fan_in
        self.final.copy_(largest(self.weight, 1 - sparsity, fan_in))
        if progress < 1:
            self.kept.copy_(largest(self.weight, kept_share(sparsity, progress)))
        else:
            self.kept.copy_(self.final)

    def forward(
        self, spikes: Tensor, generator: torch.Generator | None = None, curves: Curves | None = None
    ) -> FloatTrace:
        """(steps, images, rows) spikes through the layer; with a ``generator``, as one chip drawn from the spread and
        with noise, and on the neuron ``curves`` in place of the technology's, whose drives have the same codes."""
        codes, bias = self._weight_codes(), self._bias_codes()
        neuron = self.neuron
        curves = curves or self._curves(neuron)
        offsets = torch.zeros(self.bias.shape, device=self.bias.device)
        noise = None
        if generator is not None:
            if self.technology.sigma_c > 0 or self.technology.sigma_threshold > 0:
                codes, bias, offsets = self._spread(codes, bias, offsets, neuron, generator)
            if curves.noise:
                noise = curves.noise * torch.randn((*spikes.shape[:2], len(bias)), generator=generator)
        drives = self._drive(spikes, codes, bias, noise)
        return FloatTrace(drives, *respond(drives, offsets, curves))

    @property
    def neuron(self) -> QuantisedNeuron:
        """The neuron in codes. Without interpolation its drives' axis is that of the layer's chip as it would be now;
        while there is pruning, the network trains on what its chip will have."""
        direct = self.technology.direct
        return self.technology.neuron if direct is None else direct.neuron(self.charge_volts())

    def _curves(self, neuron: QuantisedNeuron) -> Curves:
        technology = self.technology
        if not isinstance(neuron, DirectNeuron):
            return technology.curves
        return direct_curves(neuron, technology.surrogate_width, technology.drive_noise(neuron))

    def charge_volts(self) -> float:
        """V of drive that a charge code is in the layer's chip."""
        technology = self.technology
        mapping, c_column = technology.mapping, technology.table.c_column
        codes, bias = self.programmed()
        unit = mapping.charge_lsb(mapping.unit_capacitance(codes, bias, self.bias_width, c_column))
        return mapping.v_read * unit / c_column

    def _drive(self, spikes: Tensor, codes: Tensor, bias: Tensor, noise: Tensor | None) -> Tensor:
        technology = self.technology
        mapping, neuron, direct = technology.mapping, technology.neuron, technology.direct
        if direct is None:
            with torch.no_grad():
                magnitudes = codes.abs().sum(0) + self.bias_width * bias.abs()
                heaviest = mapping.pair_load(magnitudes, len(codes) + self.bias_width).max()
                per_charge = (mapping.ratio - 1) / mapping.top * (1 - mapping.parasitic) / heaviest
                per_charge *= mapping.v_read / neuron.drives.lsb
            offset = bias * (self.bias_width * per_charge) - neuron.scale.u_min / neuron.drives.lsb
        else:
            per_charge = torch.tensor(float(direct.step), device=codes.device)
            offset = bias * (self.bias_width * per_charge) + direct.middle
        # Spikes and codes are whole, so their products add up exactly; scaling comes after.
        u = accumulate(spikes, codes) * per_charge + offset
        if noise is not None:
            u = u + noise.to(u.device)
        if technology.quantised:
            u = _apply(Round, u)
        return _apply(_Clamp, u, 0.0, float(neuron.formats.drive_max))

    def _spread(
        self, codes: Tensor, bias: Tensor, offsets: Tensor, neuron: QuantisedNeuron, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Codes and threshold offsets of one fabricated chip: every device and every comparator off by its own bit."""
        technology = self.technology

        def drawn(deviations: Tensor) -> Tensor:
            return torch.randn(deviations.shape, generator=generator).to(deviations.device) * deviations

        with torch.no_grad():
            sigma, mapping = technology.sigma_c, technology.mapping
            codes_off = drawn(mapping.deviation(codes) * sigma)
            bias_off = drawn(mapping.deviation(bias) * (sigma / math.sqrt(self.bias_width)))
            offsets = offsets + drawn(torch.full_like(offsets, technology.sigma_threshold / neuron.drives.lsb))
        return codes + codes_off, bias + bias_off, offsets

    def to_layer(self) -> Layer:
        """The layer as capacitances and codes."""
        technology = self.technology
        mapping, neuron, c_column = technology.mapping, self.neuron, technology.table.c_column
        codes, bias = self.programmed()
        caps = mapping.program(codes, bias, self.bias_width, c_column)
        charge_lsb = mapping.charge_lsb(mapping.unit_capacitance(codes, bias, self.bias_width, c_column))
        scaling = column_gains(charge_lsb, caps, mapping.v_read, neuron.scale, neuron.formats)
        return Layer(
            shift=scaling.shift,
            rest=neuron.rest,
            scale=neuron.scale,
            charges=codes.astype(np.int16),
            gains=scaling.gains,
            offsets=scaling.offsets,
            threshold_offsets=np.zeros(len(bias), np.int32),
            surfaces=neuron.surfaces.copy(),
            thresholds=neuron.thresholds.copy(),
            c_plus=caps.c_plus.astype(np.float32),
            c_minus=caps.c_minus.astype(np.float32),
            c_bias=caps.c_bias.astype(np.float32),
            c_column=caps.c_column.astype(np.float32),
            energy=None if neuron.energy is None else neuron.energy.copy(),
        )

    def programmed(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns) int64 charge codes and (columns,) float64 codes of the bias, as the chip has them."""
        mapping = self.technology.mapping
        weights, biases = (p.detach().cpu().double().numpy() for p in (self.weight, self.bias))
        codes = mapping.round_codes(weights)
        if self.pruned:
            fractional = torch.tensor(weights).clamp(-1.0, 1.0) * mapping.top
            codes = keep(fractional, self.final.cpu(), mapping).numpy().astype(np.int64)
        if self.technology.direct is None:
            return codes, mapping.round_codes(biases).astype(np.float64)
        charges = mapping.top * self.bias_width
        return codes, np.floor(np.clip(biases, -1.0, 1.0) * charges + 0.5) / self.bias_width

    def _weight_codes(self) -> Tensor:
        mapping = self.technology.mapping
        codes = _apply(_Clamp, self.weight, -1.0, 1.0) * mapping.top
        if self.pruned:
            return _apply(Keep, codes, self.kept, mapping)
        return _apply(_Snap, codes, mapping) if self.technology.quantised else codes

    def _bias_codes(self) -> Tensor:
        """Each unit pair of the bias is programmed by itself where drives are whole numbers of charges, all of them
        alike elsewhere."""
        technology = self.technology
        codes = _apply(_Clamp, self.bias, -1.0, 1.0) * technology.mapping.top
        if technology.direct is not None:
            return _apply(Round, codes * self.bias_width) / self.bias_width
        return _apply(_Snap, codes, technology.mapping) if technology.quantised else codes


#: Standard deviation of a new layer's weights, in units of the top code.
INITIAL_SPREAD = 0.2


class Network(nn.Module):
    """Encoder, layers and readout; ``sizes`` are the neurons of each layer, and ``technology`` is that of all layers or
    one for each. The attribute ``technology`` is the last layer's, which the readout sees."""

    def __init__(
        self,
        image: tuple[int, int],
        sizes: tuple[int, ...],
        encoder: Encoder,
        readout: Readout,
        technology: Technology | Sequence[Technology],
        seed: int,
    ) -> None:
        super().__init__()
        of_layers = [technology] * len(sizes) if isinstance(technology, Technology) else list(technology)
        self.image, self.encoder, self.readout, self.technology = image, encoder, readout, of_layers[-1]
        generator = torch.Generator().manual_seed(seed)
        parts = zip((image[0] * image[1], *sizes[:-1]), sizes, of_layers, strict=True)
        self.layers = nn.ModuleList(CircuitLayer(rows, columns, own, generator) for rows, columns, own in parts)

    def forward(self, pixels: Tensor, trace: bool = False) -> tuple[FloatTrace, ...] | Answer:
        """(images, pixels) uint8; in training mode every layer's float trace, in eval mode the exact answers."""
        if not self.training:
            return ExactNetwork(self.to_chip()).to(pixels.device)(pixels, trace)
        return self.trace(pixels)

    def trace(
        self, pixels: Tensor, generator: torch.Generator | None = None, curves: Curves | None = None
    ) -> tuple[FloatTrace, ...]:
        """Training mode's float traces of every layer; with a ``generator``, of one chip drawn from the spread, and on
        the neuron ``curves`` in place of the technology's, whose drives have the same codes."""
        spikes = encode(self.encoder, pixels).movedim(-2, 0).contiguous()
        traces = []
        for layer in self.layers:
            traces.append(layer(spikes, generator, curves))
            spikes = traces[-1].spikes
        return tuple(traces)

    def prune(self, progress: float) -> None:
        """Chooses anew which weights are kept when ``progress``, 0 to 1, of the pruning is done."""
        for layer in self.circuit_layers:
            layer.prune(progress)

    @property
    def circuit_layers(self) -> list[CircuitLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, CircuitLayer)]

    @torch.no_grad()
    def clip_weights(self) -> None:
        """Brings weights back that a step took beyond the devices' range, where they would have no effect."""
        for parameter in self.parameters():
            parameter.clamp_(-1.0, 1.0)

    def to_chip(self, provenance: dict[str, Any] | None = None) -> Chip:
        """The network as a chip."""
        layers = tuple(layer.to_layer() for layer in self.circuit_layers)
        around = around_neurons(self.technology.table, self.technology.mapping.v_read, layers)
        return Chip(
            formats=self.technology.neuron.formats,
            encoder=self.encoder,
            readout=self.readout,
            image=self.image,
            layers=layers,
            analog=replace(self.technology.analog, **around),
            provenance=provenance or {},
        )


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    return function.apply(*arguments)
