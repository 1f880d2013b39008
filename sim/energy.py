"""The energy of an inference on the analog chip: every term of ``docs/energy.md``, added up from what a chip computes.

It is a model of the analog chip, from the capacitances and the neuron's energy surface in its file; what an FPGA that
emulates the chip draws has nothing to do with it. Encoder and readout counters are not part of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Analog, Chip, Formats, Layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.encode import encode

#: the parts of a layer's energy, in the order of the last axis of :attr:`EnergyReport.joules`
PARTS = ("rows", "quiet_rows", "bias_rows", "neurons", "clock")
#: Capacitance of a driver's buffers over that of its load: stages that each drive four times their own capacitance,
#: 1/4 + 1/16 + ... (our assumption; a fan-out of four is the usual choice for speed).
BUFFER_SHARE = 1 / 3


class EnergyError(CaptwinError):
    """The energy of a chip cannot be told; the message says what is missing."""


@dataclass(frozen=True)
class EnergyReport:
    """What inferences drew from the supply."""

    joules: np.ndarray  #: (images, layers, parts) J, parts as in PARTS
    events: np.ndarray  #: (images, layers) row events: spikes that arrived at the layer's rows
    columns: tuple[int, ...]  #: of each layer

    @property
    def images(self) -> int:
        """Number of inferences."""
        return len(self.joules)

    @property
    def total(self) -> np.ndarray:
        """(images,) J an inference."""
        return np.asarray(self.joules.sum(axis=(1, 2)))

    @property
    def mean(self) -> np.ndarray:
        """(layers, parts) J an inference, the mean over the images."""
        return np.asarray(self.joules.mean(axis=0))

    @property
    def synaptic_events(self) -> int:
        """Row events times the columns that each of them reaches, over all images and layers."""
        return int(self.events.sum(axis=0) @ np.array(self.columns))

    @property
    def per_synaptic_event(self) -> float:
        """J of everything over the number of synaptic events; infinite where no input ever spiked."""
        return float(self.total.sum() / self.synaptic_events) if self.synaptic_events else float("inf")


def row_energies(layer: Layer, analog: Analog) -> np.ndarray:
    """(rows,) J of one event of each row: its two lines swing by v_read and back."""
    devices = np.add(layer.c_plus, layer.c_minus, dtype=np.float64).sum(axis=1)
    return _swing(devices + 2 * layer.columns * analog.row_wire, analog)


def quiet_energy(layer: Layer, formats: Formats, analog: Analog, u: np.ndarray) -> np.ndarray:
    """J that quiet lower lines deliver as columns move by drives ``u``, codes of shape (..., columns)."""
    volts = layer.scale.drives(formats).volts(u)
    lower = layer.c_minus.sum(axis=0, dtype=np.float64) + layer.c_bias[1]
    return np.asarray(np.abs(volts) * (analog.supply * lower))


def bias_energy(layer: Layer, analog: Analog) -> float:
    """J of a layer's bias lines in one time step; they swing in every one."""
    devices = float(layer.c_bias.sum(dtype=np.float64))
    return float(_swing(devices + 2 * layer.columns * analog.row_wire, analog))


def clock_energy(layer: Layer, analog: Analog) -> float:
    """J of a layer's clock lines and of the buffers that drive them, in one time step.

    The neuron's own energy holds the charge of its clock gates, not that of the buffers behind them. Those are a
    BUFFER_SHARE of the gates, which draw no more than the least that a neuron ever draws.
    Raises :class:`EnergyError` if the layer has no energy surface.
    """
    wires = analog.clock_wire * analog.supply**2 * (1 + BUFFER_SHARE)
    gates = max(float(_surface(layer).min()), 0.0)
    return layer.columns * (wires + BUFFER_SHARE * gates)


def neuron_energy(layer: Layer, formats: Formats, v: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """J of neurons in a cycle with old membrane v, old spike b and drive u, codes of one shape; bilinear on the knots.

    Raises :class:`EnergyError` if the layer has no energy surface.
    """
    energy = _surface(layer).astype(np.float64)
    fv, fu = formats.membrane_fraction, formats.drive_fraction
    v, u, b = (np.asarray(codes).astype(np.int32) for codes in (v, u, b))
    x, y = (v & ((1 << fv) - 1)) / (1 << fv), (u & ((1 << fu) - 1)) / (1 << fu)
    across = formats.drive_knots
    corner = (b * formats.membrane_knots + (v >> fv)) * across + (u >> fu)
    knots = energy.ravel()

    def along_u(at: np.ndarray) -> np.ndarray:
        low = knots[at]
        return low + y * (knots[at + 1] - low)

    below = along_u(corner)
    return np.asarray(below + x * (along_u(corner + across) - below))


def measure(chip: Chip, pixels: np.ndarray, batch: int = 250) -> EnergyReport:
    """Energy of each inference of ``pixels``, (images, pixels) uint8, from the golden model's traces of every step.

    ``batch`` images are traced at once. Raises :class:`EnergyError` if a layer has no energy surface,
    :class:`CaptwinError` if the images do not fit the chip.
    """
    golden.check_pixels(chip, pixels)
    for number, layer in enumerate(chip.layers):
        if layer.energy is None:
            raise EnergyError(
                f"layers.{number}.energy: {chip.analog.circuit} has no energy surface, so that no energy can be told;"
                " train on a circuit whose table has one"
            )
    parts = [_measure_batch(chip, part) for part in _batches(pixels, batch)]
    joules, events = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return EnergyReport(joules, events, chip.sizes[1:])


def _measure_batch(chip: Chip, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    traces = golden.run(chip, pixels, trace=True, batch=len(pixels)).traces
    steps = chip.encoder.steps
    arrived = encode(chip.encoder, pixels).sum(axis=1, dtype=np.int64)
    joules = np.empty((len(pixels), len(chip.layers), len(PARTS)))
    events = np.empty(joules.shape[:2], np.int64)
    for number, (layer, trace) in enumerate(zip(chip.layers, traces, strict=True)):
        v, b = np.empty_like(trace.membranes), np.empty_like(trace.spikes)
        v[:, 0], b[:, 0] = layer.rest, 0
        v[:, 1:], b[:, 1:] = trace.membranes[:, :-1], trace.spikes[:, :-1]
        analog, formats = chip.analog, chip.formats
        rows = arrived @ row_energies(layer, analog)
        quiet = quiet_energy(layer, formats, analog, trace.drives).sum(axis=(1, 2))
        neurons = neuron_energy(layer, formats, v, b, trace.drives).sum(axis=(1, 2))
        fixed = (steps * bias_energy(layer, analog), steps * clock_energy(layer, analog))
        joules[:, number] = np.stack(np.broadcast_arrays(rows, quiet, fixed[0], neurons, fixed[1]), axis=1)
        events[:, number] = arrived.sum(axis=1)
        arrived = trace.spikes.sum(axis=1, dtype=np.int64)
    return joules, events


def estimate(chip: Chip, measured: EnergyReport, counters: Mapping[str, int], images: int) -> np.ndarray:
    """(layers, parts) J an inference, the mean over ``images`` that hardware ran, from the core's counters.

    Counters tell how many row events a layer took (``events[n]``), not in which rows, and nothing of the membranes. So
    an event and a column's cycle cost what they did on average in ``measured``, inferences of the same chip on images
    of the same kind. Bias lines and clock are exact. Raises :class:`CaptwinError` if a counter is missing or
    ``images`` is not positive.
    """
    if images < 1:
        raise CaptwinError(f"images: counters of {images} inferences have no mean; run at least one")
    joules = measured.mean
    for number, layer in enumerate(chip.layers):
        name = f"events[{number}]"
        if name not in counters:
            raise CaptwinError(f"counters: lack {name}; read them from a core of this chip")
        usual = measured.events[:, number].mean()
        per_event = joules[number, 0] / usual if usual else row_energies(layer, chip.analog).mean()
        joules[number, 0] = per_event * counters[name] / images
    return joules


def _swing(capacitance: np.ndarray | float, analog: Analog) -> np.ndarray:
    """J of charging ``capacitance`` by v_read from the supply, and of the buffers of its driver, at full supply."""
    return np.asarray(analog.supply * capacitance * (analog.v_read + BUFFER_SHARE * analog.supply))


def _surface(layer: Layer) -> np.ndarray:
    if layer.energy is None:
        raise EnergyError("energy: the layer has no energy surface; train on a circuit whose table has one")
    return layer.energy


def _batches(pixels: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), batch):
        yield pixels[start : start + batch]
