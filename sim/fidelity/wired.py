"""What the resistance of its lines changes in a column: the same chains in SPICE with lines and without."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.progress import Progress, silent
from captwin.sim import golden
from captwin.sim.devices.crossbar import crossbar_of
from captwin.sim.encode import encode
from captwin.sim.fidelity.result import rms_of
from captwin.sim.pdk.wires import Wire, Wires
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.benches.column import Chain, ColumnBench, column_of
from captwin.sim.spice.benches.wired_column import Lines, WiredColumnBench
from captwin.sim.spice.chains import simulate_chains

#: ohm of a row line's driver; a PMOS of GF180MCU 11 um wide that holds a line at 1.8 V has as much at ss, 125 deg C
DRIVER_OHMS = 1000.0


class Moved(NamedTuple):
    """How lines move membranes, over the cycles up to a chain's first spike that differs."""

    rms: float  #: V
    worst: float  #: V
    cycles: int  #: of all chains
    other_spikes: int  #: that differ


@dataclass(frozen=True, eq=False)
class WiredLayer:
    """Chains of a layer, (images, neurons, steps). In the last image every row spikes in every step."""

    lines: Lines
    plain: np.ndarray  #: V, membranes without resistance
    wired: np.ndarray  #: V, membranes with it
    plain_spikes: np.ndarray
    wired_spikes: np.ndarray

    @property
    def by_images(self) -> Moved:
        """Under the images."""
        return self._moved(slice(None, -1))

    @property
    def by_all_rows(self) -> Moved:
        """Where every row spikes."""
        return self._moved(slice(-1, None))

    def _moved(self, images: slice) -> Moved:
        equal = (self.plain_spikes == self.wired_spikes)[images]
        moved = (self.wired - self.plain)[images][np.logical_and.accumulate(equal, axis=-1)]
        return Moved(rms_of(moved), float(np.abs(moved).max(initial=0.0)), equal.size, int((~equal).sum()))


def lines_of(chip: Chip, number: int, wires: Wires, driver_ohms: float = DRIVER_OHMS) -> Lines:
    """The lines of a layer's farthest column: whole row lines, that drive the memcapacitors of all columns."""
    layer = chip.layers[number]
    crossbar = crossbar_of(layer, wires)
    devices = max(float(pairs.sum(axis=1, dtype=np.float64).max()) for pairs in (layer.c_plus, layer.c_minus))
    row = crossbar.row_line
    return Lines(crossbar.column, Wire(row.ohms, row.farads + devices), driver_ohms)


def wired_layers(
    chip: Chip,
    bench: Bench,
    pixels: np.ndarray,
    wires: Wires,
    *,
    neurons: int,
    seed: int = 1,
    driver_ohms: float = DRIVER_OHMS,
    cache: Path | None = None,
    progress: Progress = silent,
) -> list[WiredLayer]:
    """So many ``neurons`` of each layer, drawn by ``seed``, on the chip's ``bench``, under ``pixels``, (images, pixels)
    uint8, and the spikes that the twin has there; and once more with every row spiking in every step.

    Raises :class:`SpiceError` that names the chains that fail.
    """
    golden.check_pixels(chip, pixels)
    traces = golden.run(chip, pixels, trace=True).traces
    rng, inputs = np.random.default_rng(seed), encode(chip.encoder, pixels)
    layers = []
    for number, layer in enumerate(chip.layers):
        lines = lines_of(chip, number, wires, driver_ohms)
        chosen = np.sort(rng.choice(layer.columns, min(neurons, layer.columns), replace=False))
        plain, wired = {}, {}
        for image, spikes in enumerate([*inputs, np.ones_like(inputs[0])]):
            for neuron in chosen.tolist():
                column = column_of(layer, neuron)
                place = f"(layer {number}, image {image}, neuron {neuron})"
                plain[place] = ColumnBench(bench, column, spikes, chip.analog.v_read)
                wired[place] = WiredColumnBench(bench, column, spikes, chip.analog.v_read, lines)
        ideal = simulate_chains(f"layer {number}, ideal lines", plain, cache=cache, progress=progress)
        real = simulate_chains(f"layer {number}, real lines", wired, cache=cache, progress=progress)
        (v, spikes), (wired_v, wired_spikes) = _arrays(ideal, len(chosen)), _arrays(real, len(chosen))
        layers.append(WiredLayer(lines, v, wired_v, spikes, wired_spikes))
        inputs = traces[number].spikes.astype(np.int64)
    return layers


def _arrays(chains: dict[str, Chain], neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Membranes and spikes, (images, neurons, steps) each."""
    v = np.array([chain.v for chain in chains.values()])
    spikes = np.array([chain.spikes for chain in chains.values()])
    return v.reshape(-1, neurons, v.shape[-1]), spikes.reshape(-1, neurons, v.shape[-1])
