"""The energy of an inference on the analog chip: every term of ``docs/energy.md``, added up from what a chip computes.

It is a model of the analog chip, from the capacitances and the neuron's energy surface in its file; what an FPGA that
emulates the chip draws has nothing to do with it. Encoder and readout counters are not part of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Analog, Chip, Formats, Layer
from captwin.hw.gates.options import CoreOptions
from captwin.hw.periphery import Periphery
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.encode import encode

#: the parts of a layer's energy, in the order of the last axis of :attr:`EnergyReport.joules`
PARTS = ("rows", "quiet_rows", "bias_rows", "row_drivers", "neurons", "clock", "clock_drivers", "references", "leakage")
#: Capacitance of a driver's buffers over that of its load where no drivers were measured: stages that each drive four
#: times their own capacitance, 1/4 + 1/16 + ... (our assumption; a fan-out of four is the usual choice for speed).
BUFFER_SHARE = 1 / 3
#: s of a time step
CYCLE = 10e-9


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


def row_loads(layer: Layer, analog: Analog) -> np.ndarray:
    """(rows,) F of the two lines of each row together: devices and wires."""
    devices = np.add(layer.c_plus, layer.c_minus, dtype=np.float64).sum(axis=1)
    return np.asarray(devices + 2 * layer.columns * analog.row_wire)


def bias_load(layer: Layer, analog: Analog) -> float:
    """F of the two lines that a layer's bias pairs share."""
    return float(layer.c_bias.sum(dtype=np.float64)) + 2 * layer.columns * analog.row_wire


def row_supply(analog: Analog) -> float:
    """V of the supply that charges row lines: the chip's, through a regulator, or one of their own if they swing by
    more."""
    return max(analog.supply, analog.v_read)


def line_energy(farads: np.ndarray | float, analog: Analog) -> np.ndarray:
    """J of charging lines of ``farads`` by v_read, once."""
    return np.asarray(row_supply(analog) * analog.v_read * np.asarray(farads))


def driver_energy(farads: np.ndarray | float, analog: Analog) -> np.ndarray:
    """J that the driver of a row draws beside that, once, for two lines of ``farads`` together."""
    if analog.periphery is None:
        return np.asarray(BUFFER_SHARE * row_supply(analog) ** 2 * np.asarray(farads))
    driver = analog.periphery.row_driver
    return np.asarray(driver.swing + driver.swing_per_farad * np.asarray(farads))


def row_energies(layer: Layer, analog: Analog) -> np.ndarray:
    """(rows,) J of one event of each row: its two lines swing by v_read and back, and its driver."""
    loads = row_loads(layer, analog)
    return np.asarray(line_energy(loads, analog) + driver_energy(loads, analog))


def quiet_energy(layer: Layer, formats: Formats, analog: Analog, u: np.ndarray) -> np.ndarray:
    """J that quiet lower lines deliver as columns move by drives ``u``, codes of shape (..., columns)."""
    volts = layer.scale.drives(formats).volts(u)
    lower = layer.c_minus.sum(axis=0, dtype=np.float64) + layer.c_bias[1]
    return np.asarray(np.abs(volts) * (row_supply(analog) * lower))


def bias_energy(layer: Layer, analog: Analog) -> float:
    """J of a layer's bias lines and their driver in one time step; they swing in every one."""
    load = bias_load(layer, analog)
    return float(line_energy(load, analog) + driver_energy(load, analog))


@dataclass(frozen=True)
class ClockTree:
    """How the clocks of ``neurons`` neurons are driven where that was measured. All figures are of the whole chip."""

    drivers: int  #: of all lines and levels
    wires: float  #: F of all wires
    loads: float  #: F that drivers drive: wires and the neurons' gates

    @classmethod
    def of(cls, neurons: int, clock_wire: float, periphery: Periphery) -> "ClockTree":
        """For each line, a driver for each group of neurons, and a binary tree of drivers above these. The wires of a
        level of the tree are half as long as the row in which the neurons stand."""
        groups = -(-neurons // periphery.neurons_a_driver)
        levels = (groups - 1).bit_length()
        wires = neurons * clock_wire * (1 + levels / 2)
        return cls((2 * groups - 1) * periphery.clock_lines, wires, wires + neurons * periphery.clock_gates)


def clock_energies(layer: Layer, analog: Analog, neurons: int) -> tuple[float, float]:
    """J of a layer's clock wires in one time step, and of all that drives them and the neurons' gates, in a chip of so
    many ``neurons``.

    The neuron's own energy holds the charge of its clock gates, not that of the drivers behind them. Where these were
    not measured, they are a BUFFER_SHARE of the gates, which draw no more than the least that a neuron ever draws.
    Raises :class:`EnergyError` if the layer has no energy surface.
    """
    periphery, squared = analog.periphery, analog.supply**2
    if periphery is None:
        wires = layer.columns * analog.clock_wire * squared
        gates = layer.columns * max(float(_surface(layer).min()), 0.0)
        return wires, BUFFER_SHARE * (wires + gates)
    tree, share = ClockTree.of(neurons, analog.clock_wire, periphery), layer.columns / neurons
    return share * tree.wires * squared, share * periphery.clock_driver.energy(tree.loads, tree.drivers)


def reference_power(layer: Layer, analog: Analog, neurons: int) -> float:
    """W that a layer of a chip of so many ``neurons`` has part in of what makes the references; 0 if not known."""
    if analog.periphery is None:
        return 0.0
    amperes = analog.periphery.bias_current + analog.periphery.regulator_current
    return layer.columns / neurons * analog.supply * amperes


def leakage_power(layer: Layer, analog: Analog, neurons: int) -> float:
    """W that the drivers of a layer leak, of a chip of so many ``neurons``; 0 if not known. What neurons leak is in
    their energy surface."""
    periphery = analog.periphery
    if periphery is None:
        return 0.0
    rows = periphery.row_driver.power(float(row_loads(layer, analog).sum()) + bias_load(layer, analog), layer.rows + 1)
    tree = ClockTree.of(neurons, analog.clock_wire, periphery)
    return rows + layer.columns / neurons * periphery.clock_driver.power(tree.loads, tree.drivers)


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
    arrived = encode(chip.encoder, pixels).sum(axis=1, dtype=np.int64)
    joules = np.empty((len(pixels), len(chip.layers), len(PARTS)))
    events = np.empty(joules.shape[:2], np.int64)
    for number, (layer, trace) in enumerate(zip(chip.layers, traces, strict=True)):
        v, b = np.empty_like(trace.membranes), np.empty_like(trace.spikes)
        v[:, 0], b[:, 0] = layer.rest, 0
        v[:, 1:], b[:, 1:] = trace.membranes[:, :-1], trace.spikes[:, :-1]
        analog, formats = chip.analog.in_layer(number), chip.formats
        loads = row_loads(layer, analog)
        quiet = quiet_energy(layer, formats, analog, trace.drives).sum(axis=(1, 2))
        neurons = neuron_energy(layer, formats, v, b, trace.drives).sum(axis=(1, 2))
        steady = steady_energies(chip, number)
        parts = {"rows": arrived @ line_energy(loads, analog), "quiet_rows": quiet, "neurons": neurons}
        parts["row_drivers"] = arrived @ driver_energy(loads, analog)
        for place, part in enumerate(PARTS):
            joules[:, number, place] = parts.get(part, 0.0) + steady.get(part, 0.0)
        events[:, number] = arrived.sum(axis=1)
        arrived = trace.spikes.sum(axis=1, dtype=np.int64)
    return joules, events


def steady_energies(chip: Chip, number: int) -> dict[str, float]:
    """J of an inference that the layer ``number`` draws whatever the image is, by the parts that it belongs to."""
    layer, analog, steps = chip.layers[number], chip.analog.in_layer(number), chip.encoder.steps
    neurons = sum(chip.sizes[1:])
    load = bias_load(layer, analog)
    wires, drivers = clock_energies(layer, analog, neurons)
    return {
        "bias_rows": steps * float(line_energy(load, analog)),
        "row_drivers": steps * float(driver_energy(load, analog)),
        "clock": steps * wires,
        "clock_drivers": steps * drivers,
        "references": steps * CYCLE * reference_power(layer, analog, neurons),
        "leakage": steps * CYCLE * leakage_power(layer, analog, neurons),
    }


def estimate(
    chip: Chip, measured: EnergyReport, counters: Mapping[str, int], images: int, options: CoreOptions
) -> np.ndarray:
    """(layers, parts) J an inference, the mean over ``images`` that a core of ``options`` ran, from its counters.

    Counters tell how many row events a layer took (``events[n]``), not in which rows, and nothing of the membranes. So
    an event and a column's cycle cost what they did on average in ``measured``, inferences of the same chip on images
    of the same kind. Bias lines, clock, references and leakage are exact. Raises :class:`CaptwinError` if a counter
    is missing, ``images`` is not positive, or the core has change events: its row events are no spikes.
    """
    if options.change_events:
        raise CaptwinError("counters: of a core with change events they count no spikes; read them from one without")
    if images < 1:
        raise CaptwinError(f"images: counters of {images} inferences have no mean; run at least one")
    joules = measured.mean
    for number, layer in enumerate(chip.layers):
        name = f"events[{number}]"
        if name not in counters:
            raise CaptwinError(f"counters: lack {name}; read them from a core of this chip")
        analog, usual = chip.analog.in_layer(number), measured.events[:, number].mean()
        loads, bias = row_loads(layer, analog), steady_energies(chip, number)["row_drivers"]
        for part, fixed, least in (("rows", 0.0, line_energy), ("row_drivers", bias, driver_energy)):
            place = PARTS.index(part)
            per_event = (joules[number, place] - fixed) / usual if usual else least(loads, analog).mean()
            joules[number, place] = fixed + per_event * counters[name] / images
    return joules


def _surface(layer: Layer) -> np.ndarray:
    if layer.energy is None:
        raise EnergyError("energy: the layer has no energy surface; train on a circuit whose table has one")
    return layer.energy


def _batches(pixels: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), batch):
        yield pixels[start : start + batch]
