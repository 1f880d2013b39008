"""How faithful the twin is: whole columns of a chip in SPICE, over all time steps, against the golden model.

Each neuron runs from rest through all steps of an image in both, on the same input spikes. Neither is corrected by the
other on the way, so an error of the twin can grow over all steps.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from captwin.hw.chip import Chip, Layer
from captwin.hw.support.progress import Progress, silent
from captwin.sim import golden
from captwin.sim.dither import without_dither
from captwin.sim.encode import encode
from captwin.sim.energy import neuron_energy
from captwin.sim.fidelity.disturbances import LayerNoise, layer_noise_of
from captwin.sim.fidelity.result import Fidelity, LayerFidelity
from captwin.sim.neurons.circuits import circuit_conditions, circuit_names, load_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.noise import Noise, NoiseSource
from captwin.sim.spice.benches.bench import Bench, open_bench
from captwin.sim.spice.benches.column import Chain, ColumnBench, column_of
from captwin.sim.spice.benches.disturbance import Disturbance
from captwin.sim.spice.chains import simulate_chains
from captwin.sim.spice.ngspice import SpiceError, require_ngspice


class _Place(NamedTuple):
    """Which chain: the cycles of one neuron under one image."""

    layer: int
    image: int
    neuron: int

    def __str__(self) -> str:
        return f"(layer {self.layer}, image {self.image}, neuron {self.neuron})"


def chip_bench(
    chip: Chip, *, netlist: Path | None = None, models: Path | None = None, pdk: str | None = None
) -> tuple[Bench, tuple[str, ...]]:
    """The bench of the circuit that ``chip`` was made for, and what speaks against the comparison.

    Raises :class:`SpiceError` if there is no such netlist, or it is a circuit of another supply.
    """
    analog = chip.analog
    column = float(str(chip.layers[0].c_column[0]))  # as written, not as float32 rounds it
    bench = open_bench(
        analog.circuit,
        netlist=netlist,
        models=models,
        pdk=pdk,
        conditions=Conditions(analog.corner, analog.temperature),
        c_column=column,
        c_membrane=analog.c_membrane,
    )
    supply = bench.parameters["supply"]
    if abs(supply - analog.supply) > 1e-6:
        raise SpiceError(f"{bench.path}: its supply is {supply:g} V, the chip's {analog.supply:g} V; give its netlist")
    warnings = []
    if any(layer.threshold_offsets.any() for layer in chip.layers):
        warnings.append("the chip's threshold offsets are not in the netlist")
    if netlist is None and models is None and pdk is None and analog.circuit in circuit_names():
        known = bench.conditions in circuit_conditions(analog.circuit)
        table = load_circuit(analog.circuit, analog.corner, analog.temperature) if known else None
        if table is None or table.circuit_sha256 != analog.table_sha256:
            warnings.append(f"the chip was made from another table of {analog.circuit} than the one of this captwin")
        elif table.source_sha256 != bench.sha256:
            warnings.append(f"{analog.circuit}'s netlist or bench was edited after its table was measured")
    return bench, tuple(warnings)


def compare(
    chip: Chip,
    pixels: np.ndarray,
    *,
    neurons: int | None = None,
    seed: int = 1,
    noise: Noise | None = None,
    on: tuple[Bench, tuple[str, ...]] | None = None,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Fidelity:
    """Runs ``pixels``, (images, pixels) uint8, through the columns of ``chip`` in SPICE and through the twin.

    All neurons: each layer gets the SPICE spikes of the one before, and the readout decides. With ``neurons``, so many
    of each layer, drawn by ``seed``: each layer gets the twin's spikes, and there is no class. ``on`` is what
    :func:`chip_bench` makes of another netlist or other devices than the chip's own. Chains are kept in the folder
    ``cache``.

    With ``noise`` both models get the same random numbers: the twin as integers, SPICE as charges on column and
    membrane and as a V_ref that is off. Each chain is simulated without noise as well, so what noise does in one model
    is told from what it does in the other. Raises :class:`SpiceError`, after all others have been simulated, that names
    chains that fail.

    >>> images = captwin.load_dataset("digits").test_images[:1]
    >>> captwin.compare_columns(captwin.load_chip("digits-tiny"), images, neurons=1).summary().chains
    1
    """
    require_ngspice()
    golden.check_pixels(chip, pixels)
    bench, warnings = on or chip_bench(chip)
    if chip.dithered:
        chip, warnings = without_dither(chip), (*warnings, "the chip's dither is left out, since transistors have none")
    twin = golden.run(chip, pixels, trace=True, noise=noise)
    source = None if noise is None else NoiseSource(chip, noise)
    start = perf_counter()
    golden.run(chip, pixels)
    golden_seconds = (perf_counter() - start) / len(pixels)
    inputs = encode(chip.encoder, pixels)
    run = partial(simulate_chains, cache=cache, progress=progress)
    rng = np.random.default_rng(seed)
    layers: list[LayerFidelity] = []
    for number, layer in enumerate(chip.layers):
        chosen = np.arange(layer.columns)
        if neurons is not None:
            chosen = np.sort(rng.choice(layer.columns, min(neurons, layer.columns), replace=False))
        layers.append(_run_layer(chip, bench, number, chosen, inputs, source, run))
        inputs = twin.traces[number].spikes if neurons is not None else layers[-1].spikes.astype(np.int64)
    labels = None if neurons is not None else _spice_labels(chip, layers[-1])
    return Fidelity(chip, bench, tuple(layers), labels, twin.labels, golden_seconds, warnings)


def _spice_labels(chip: Chip, last: LayerFidelity) -> np.ndarray:
    """Classes by the readout's rule, the membranes rounded to codes."""
    codes = chip.layers[-1].scale.membranes(chip.formats).nearest(last.v)
    return golden.decide(chip, codes, last.spikes.astype(np.int64)).labels


def _run_layer(
    chip: Chip,
    bench: Bench,
    number: int,
    chosen: np.ndarray,
    inputs: np.ndarray,
    source: NoiseSource | None,
    run: Callable[[str, dict[_Place, ColumnBench]], dict[_Place, Chain]],
) -> LayerFidelity:
    """The ``chosen`` neurons of a layer on ``inputs`` in both models; with noise, if there is a ``source``, they are
    simulated a second time without."""
    layer = chip.layers[number]
    places = [_Place(number, image, neuron) for image in range(len(inputs)) for neuron in chosen.tolist()]
    columns = {
        at: ColumnBench(bench, column_of(layer, at.neuron), inputs[at.image], chip.analog.v_read) for at in places
    }
    if source is None:
        return _compare_layer(chip, number, chosen, inputs, run(f"layer {number}", columns), None)
    drawn = layer_noise_of(chip, source, number, len(inputs))
    still = {at: replace(column, disturbance=Disturbance.none(column.steps)) for at, column in columns.items()}
    noisy = {at: replace(column, disturbance=drawn.disturbance(at.image, at.neuron)) for at, column in columns.items()}
    quiet = _compare_layer(chip, number, chosen, inputs, run(f"layer {number} without noise", still), None)
    chains = run(f"layer {number} with noise", noisy)
    return replace(_compare_layer(chip, number, chosen, inputs, chains, drawn), quiet=quiet)


def _compare_layer(
    chip: Chip,
    number: int,
    neurons: np.ndarray,
    inputs: np.ndarray,
    chains: dict[_Place, Chain],
    noise: LayerNoise | None,
) -> LayerFidelity:
    layer, formats, v_read = chip.layers[number], chip.formats, chip.analog.v_read

    def gather(name: str) -> np.ndarray:
        values = np.array([getattr(chain, name) for chain in chains.values()])
        return values.reshape(len(inputs), len(neurons), *values.shape[1:])

    integers = None if noise is None else noise.integers
    trace = golden.run_layer(layer, formats, inputs, integers)
    u = trace.drives[..., neurons]
    own = replace(layer, threshold_offsets=layer.threshold_offsets[neurons])
    v, spikes = gather("v").swapaxes(1, 2), gather("spikes").swapaxes(1, 2)
    rest = np.full_like(trace.membranes[:, :1, neurons], layer.rest)
    quiet = np.zeros_like(rest)
    old_v = np.concatenate([rest, trace.membranes[:, :-1, neurons]], axis=1)
    old_b = np.concatenate([quiet, trace.spikes[:, :-1, neurons]], axis=1)
    # The twin's one cycle begins at the code nearest to SPICE's membrane.
    membranes = layer.scale.membranes(formats)
    near = membranes.nearest(v[:, :-1])
    near_v, near_b = np.concatenate([rest, near], axis=1), np.concatenate([quiet, spikes[:, :-1]], axis=1)
    near_u = np.clip(_drives(layer, trace.sums, integers, neurons, near_b), 0, formats.drive_max)
    last = None if integers is None else integers[..., neurons, 2:]
    lone_v, lone_spikes = golden.run_cycle(own, formats, near_v, near_b, near_u, last)
    unclamped = _drives(layer, trace.sums, integers, neurons, old_b)
    return LayerFidelity(
        layer=number,
        neurons=neurons,
        inputs=inputs,
        drives=np.stack([column_of(layer, neuron).drives(inputs, v_read) for neuron in neurons.tolist()], axis=-1),
        v=v,
        spikes=spikes,
        energy=gather("energy").swapaxes(1, 2),
        row_energy=gather("row_energy").swapaxes(1, 2),
        seconds=gather("seconds"),
        twin_v=membranes.volts(trace.membranes[..., neurons]),
        twin_spikes=trace.spikes[..., neurons].astype(bool),
        twin_energy=None if layer.energy is None else neuron_energy(layer, formats, old_v, old_b, u),
        saturated=(unclamped < 0) | (unclamped > formats.drive_max),
        near_v=membranes.volts(lone_v),
        near_spikes=lone_spikes.astype(bool),
        noise=noise,
    )


def _drives(
    layer: Layer, sums: np.ndarray, integers: np.ndarray | None, neurons: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Drive codes of some ``neurons`` before they are clamped, with noise if there is any; ``b`` are the spikes of the
    cycles before. Arrays are (images, steps, columns), ``b`` and the result of these neurons alone."""
    noise: np.ndarray | int = 0
    if integers is not None:
        fired = np.zeros_like(sums)
        fired[..., neurons] = b
        noise = integers[..., 0] + fired * integers[..., 1]
    return golden.unclamped_drives(layer, sums, noise)[..., neurons]
