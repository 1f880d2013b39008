"""Models of mismatch to test with, and chips whose neurons differ."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.mismatch.model import NUMBERS, Mismatch
from captwin.sim.mismatch.shared import CHIP_NUMBERS, Cause, Shared
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable

#: arrays of a layer whose last axis counts its columns
_OF_COLUMNS = ("charges", "gains", "offsets", "threshold_offsets", "c_plus", "c_minus", "c_bias", "c_column")


def drawn_mismatch(circuit: str, *, seed: int = 1, neurons: int = 12, sigma: float = 0.01) -> Mismatch:
    """A model of ``circuit`` whose numbers are drawn from normal distributions of ``sigma``."""
    numbers = np.random.default_rng(seed).normal(0, sigma, (neurons, len(NUMBERS))).round(7)
    return Mismatch(
        circuit=circuit,
        pdk="gf180mcu",
        temperature=27.0,
        seed=seed,
        source_sha256="0" * 64,
        cards_sha256="1" * 64,
        lost=0,
        thresholds_kept=0.9,
        membranes_rms=1e-3,
        membranes_kept=0.8,
        neurons=tuple(tuple(row) for row in numbers.tolist()),
    )


def run_neurons(chip: Chip, tables: Sequence[NeuronTable], pixels: np.ndarray) -> tuple[golden.Inference, np.ndarray]:
    """Answers of ``chip``, and spikes of its last layer, (images, steps, classes), if each of its neurons has a table
    of its own; ``tables`` go through the layers, column by column."""
    neurons = iter([quantise(table, chip.formats) for table in tables])
    spikes = encode(chip.encoder, pixels)
    for layer in chip.layers:
        traces = []
        for column, neuron in zip(range(layer.columns), neurons, strict=False):
            one = slice(column, column + 1)
            alone = {name: getattr(layer, name)[..., one] for name in _OF_COLUMNS}
            surfaces = {"surfaces": neuron.surfaces, "thresholds": neuron.thresholds}
            traces.append(golden.run_layer(replace(layer, **alone, **surfaces), chip.formats, spikes))
        spikes = np.concatenate([trace.spikes for trace in traces], axis=2)
        membranes = np.concatenate([trace.membranes for trace in traces], axis=2)
    return golden.decide(chip, membranes, spikes), spikes


def with_thresholds(chip: Chip, volts: np.ndarray) -> Chip:
    """``chip`` whose neurons' thresholds are off by ``volts`` of drive, (neurons of all layers,)."""
    layers, first = [], 0
    for layer in chip.layers:
        codes = np.rint(volts[first : first + layer.columns] / layer.scale.drives(chip.formats).lsb)
        most = chip.formats.drive_max
        layers.append(replace(layer, threshold_offsets=np.clip(codes, -most, most).astype(np.int32)))
        first += layer.columns
    return replace(chip, layers=tuple(layers))


def drawn_shared(circuit: str, *, seed: int = 1, sigma: float = 0.01, modes: int = 2, bias: bool = True) -> Shared:
    """A model of what the chips of ``circuit`` differ in, drawn from normal distributions of ``sigma``."""
    rng = np.random.default_rng(seed)
    x, u = (-0.2, 0.0, 0.2), (-0.1, 0.1)

    def rows(count: int, width: int) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, rng.normal(0, sigma, (count, width)).round(6).tolist()))

    def cause() -> Cause:
        points = 2 * len(x) + 4 * len(x) * len(u)
        return Cause(
            lost=0,
            thresholds_kept=0.99,
            surfaces_kept=0.98,
            offset_kept=0.5,
            mean=rows(1, points)[0],
            modes=rows(modes, points),
            chips=rows(12, len(CHIP_NUMBERS)),
        )

    return Shared(
        circuit=circuit,
        pdk="gf180mcu",
        temperature=27.0,
        seed=seed,
        source_sha256="0" * 64,
        cards_sha256="1" * 64,
        x=x,
        u=u,
        process=cause(),
        bias=cause() if bias else None,
    )
