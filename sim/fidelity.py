"""How faithful the twin is: whole columns of a chip in SPICE, over all time steps, against the golden model.

Each neuron runs from rest through all steps of an image in both, on the same input spikes, and neither ever hears of
the other: an error of the twin has all the time there is to grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np

from hw.chip import Chip, Formats, Layer
from hw.errors import CaptwinError
from sim import golden
from sim.analog.bench import Bench, Point, open_bench
from sim.analog.circuits import circuit_names, load_circuit
from sim.analog.column import Chain, ColumnBench, column_of
from sim.analog.ngspice import SpiceError, require_ngspice
from sim.analog.runner import Memory, Progress, Runner, side_by_side
from sim.encode import encode_step

#: cycles simulated once more alone, to tell what a cycle's past does beyond v and b
LONE_CYCLES = 200


@dataclass(frozen=True, eq=False)
class LayerFidelity:
    """A layer's chains in both models; arrays are (images, steps, neurons) and volts or joules."""

    layer: int
    neurons: np.ndarray  #: which of the layer's
    inputs: np.ndarray  #: (images, steps, rows) spikes that both were given
    drives: np.ndarray  #: of the real capacitances
    v: np.ndarray
    spikes: np.ndarray
    energy: np.ndarray
    row_energy: np.ndarray
    seconds: np.ndarray  #: (images, neurons) that ngspice took
    twin_v: np.ndarray
    twin_spikes: np.ndarray
    twin_energy: np.ndarray | None  #: None where the chip has none
    saturated: np.ndarray  #: where the twin clamped its drive
    near_v: np.ndarray  #: the twin's membrane after one cycle that began with SPICE's v and b
    near_spikes: np.ndarray  #: and its spike

    @cached_property
    def agree(self) -> np.ndarray:
        """Where both spike, or neither."""
        return np.asarray(self.spikes == self.twin_spikes)

    @cached_property
    def so_far(self) -> np.ndarray:
        """Where they have agreed since the chain's beginning."""
        return np.logical_and.accumulate(self.agree, axis=1)

    @cached_property
    def error(self) -> np.ndarray:
        """Twin less SPICE, V."""
        return np.asarray(self.twin_v - self.v)

    @property
    def before(self) -> tuple[np.ndarray, np.ndarray]:
        """SPICE's membrane and spike before each cycle but the first of each chain."""
        return self.v[:, :-1], self.spikes[:, :-1]


@dataclass(frozen=True)
class Summary:
    """What chains have in common; errors in V, energies in J a neuron and cycle."""

    neurons: int
    chains: int
    cycles: int
    spikes: int  #: in SPICE
    agreement: float  #: share of cycles in which both spike or neither does
    rms: float  #: of the membrane's error where spikes agree
    worst: float
    rms_so_far: float  #: and worst, up to the chain's first wrong spike: after one, states differ by a reset
    worst_so_far: float
    faultless: float  #: share of chains without a wrong spike
    saturated: float  #: share of cycles whose drive the twin clamps
    single_agreement: float  #: as agreement and rms, each cycle begun with SPICE's own state
    single_rms: float
    energy: float
    row_energy: float
    twin_energy: float | None
    spice_seconds: float  #: an image


@dataclass(frozen=True)
class Fidelity:
    """A chip's comparison; ``labels`` are (images,) classes, or None where only some neurons were simulated."""

    chip: Chip
    bench: Bench
    layers: tuple[LayerFidelity, ...]
    labels: np.ndarray | None
    twin_labels: np.ndarray
    golden_seconds: float  #: an image
    warnings: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many images were run."""
        return len(self.twin_labels)

    @property
    def class_agreement(self) -> float | None:
        """Share of images that both models give the same class."""
        return None if self.labels is None else float((self.labels == self.twin_labels).mean())

    def summary(self, layers: Sequence[LayerFidelity] | None = None) -> Summary:
        """Over some layers, by default all."""
        chosen = self.layers if layers is None else layers

        def pooled(name: str) -> np.ndarray:
            return np.concatenate([np.asarray(getattr(layer, name)).ravel() for layer in chosen])

        agree, error = pooled("agree"), pooled("error")[pooled("agree")]
        so_far = pooled("error")[pooled("so_far")]
        same = pooled("near_spikes") == pooled("spikes")
        near = (pooled("near_v") - pooled("v"))[same]
        faultless = np.concatenate([layer.agree.all(axis=1).ravel() for layer in chosen])
        known = all(layer.twin_energy is not None for layer in chosen)
        return Summary(
            neurons=sum(len(layer.neurons) for layer in chosen),
            chains=faultless.size,
            cycles=agree.size,
            spikes=int(pooled("spikes").sum()),
            agreement=float(agree.mean()),
            rms=_rms(error),
            worst=float(np.abs(error).max(initial=0.0)),
            rms_so_far=_rms(so_far),
            worst_so_far=float(np.abs(so_far).max(initial=0.0)),
            faultless=float(faultless.mean()),
            saturated=float(pooled("saturated").mean()),
            single_agreement=float(same.mean()),
            single_rms=_rms(near),
            energy=float(pooled("energy").mean()),
            row_energy=float(pooled("row_energy").mean()),
            twin_energy=float(pooled("twin_energy").mean()) if known else None,
            spice_seconds=float(pooled("seconds").sum()) / self.images,
        )

    def worst_chain(self) -> tuple[int, int, int]:
        """Place in ``layers``, image, and place among the layer's neurons: most wrong spikes, then largest error."""
        best, found = (-1, -1.0), (0, 0, 0)
        for place, layer in enumerate(self.layers):
            wrong = (~layer.agree).sum(axis=1)
            largest = np.abs(np.where(layer.agree, layer.error, 0)).max(axis=1)
            image, neuron = (
                int(n) for n in np.unravel_index(np.lexsort((largest.ravel(), wrong.ravel()))[-1], wrong.shape)
            )
            score = int(wrong[image, neuron]), float(largest[image, neuron])
            if score > best:
                best, found = score, (place, image, neuron)
        return found

    def column_bench(self, place: int, image: int, neuron: int) -> ColumnBench:
        """The bench of a chain, numbered as :meth:`worst_chain` does."""
        layer = self.layers[place]
        column = column_of(self.chip.layers[layer.layer], int(layer.neurons[neuron]))
        return ColumnBench(self.bench, column, layer.inputs[image], self.chip.analog.v_read)


def chip_bench(chip: Chip, *, netlist: Path | None = None, models: Path | None = None) -> tuple[Bench, tuple[str, ...]]:
    """The bench of the circuit that ``chip`` was made for, and what speaks against the comparison.

    Raises :class:`SpiceError` if there is no such netlist, or it is a circuit of another supply.
    """
    analog = chip.analog
    column = float(str(chip.layers[0].c_column[0]))  # as written, not as float32 rounds it
    bench = open_bench(
        analog.circuit,
        netlist=netlist,
        models=models,
        corner=analog.corner,
        temperature=analog.temperature,
        c_column=column,
        c_membrane=analog.c_membrane,
    )
    supply = bench.parameters["supply"]
    if abs(supply - analog.supply) > 1e-6:
        raise SpiceError(f"{bench.path}: its supply is {supply:g} V, the chip's {analog.supply:g} V; give its netlist")
    warnings = []
    if netlist is None and analog.circuit in circuit_names():
        table = load_circuit(analog.circuit)
        if table.circuit_sha256 != analog.table_sha256:
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
    netlist: Path | None = None,
    models: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Fidelity:
    """Runs ``pixels``, (images, pixels) uint8, through the columns of ``chip`` in SPICE and through the twin.

    All neurons: each layer gets the SPICE spikes of the one before, and the readout decides. With ``neurons``, so many
    of each layer, drawn by ``seed``: each layer gets the twin's spikes, and there is no class. Chains are kept in the
    folder ``cache``. Raises :class:`SpiceError`, after all others have been simulated, that names chains that fail.
    """
    require_ngspice()
    golden.check_pixels(chip, pixels)
    bench, warnings = chip_bench(chip, netlist=netlist, models=models)
    start = perf_counter()
    twin = golden.run(chip, pixels, trace=True)
    golden_seconds = (perf_counter() - start) / len(pixels)
    codes = pixels.astype(np.int32)
    inputs = np.stack([encode_step(chip.encoder, codes, step) for step in range(chip.encoder.steps)], axis=1)
    rng = np.random.default_rng(seed)
    layers: list[LayerFidelity] = []
    for number, layer in enumerate(chip.layers):
        some = np.arange(layer.columns)
        if neurons is not None:
            some = np.sort(rng.choice(layer.columns, min(neurons, layer.columns), replace=False))
        chains = _simulate(chip, bench, number, some, inputs, cache, progress)
        layers.append(_compare_layer(chip, number, some, inputs, chains))
        inputs = twin.traces[number].s if neurons is not None else layers[-1].spikes.astype(np.int64)
    labels = None
    if neurons is None:
        last = layers[-1]
        zeros = np.zeros(last.v.shape, np.int64)
        # The readout compares membranes as codes; SPICE's volts are ranked in codes too fine to tie.
        ranks = np.rint(_to_codes(chip.layers[-1], chip.formats, last.v)).astype(np.int64)
        trace = golden.LayerTrace(
            zeros, zeros, np.clip(ranks, 0, chip.formats.membrane_max), last.spikes.astype(np.int64)
        )
        labels = golden.decide(chip, trace).labels
    return Fidelity(chip, bench, tuple(layers), labels, twin.labels, golden_seconds, warnings)


@dataclass(frozen=True)
class LoneCycles:
    """Some cycles of the chains, each simulated once more alone from the chain's v and b, as a table is measured."""

    cycles: int
    hidden_rms: float  #: V, chain less lone cycle: state that v and b do not hold
    hidden_worst: float
    hidden_agreement: float  #: share of them whose spike is the chain's
    table_rms: float  #: V, the twin's one cycle less the lone cycle: interpolation and rounding
    table_agreement: float


def lone_cycles(
    result: Fidelity, *, seed: int = 1, cache: Path | None = None, progress: Progress | None = None
) -> LoneCycles:
    """Simulates :data:`LONE_CYCLES` cycles alone, drawn by ``seed``."""
    points: list[Point] = []
    found: list[list[np.ndarray]] = [[], [], [], []]
    for layer in result.layers:
        # A column of another capacitance than the bench's would need a bench of its own.
        same = np.isclose(result.chip.layers[layer.layer].c_column[layer.neurons], result.bench.parameters["c_column"])
        before_v, before_b = layer.before
        keep = np.broadcast_to(same, before_v.shape)
        points += [
            Point(float(a), float(u), bool(b))
            for a, u, b in zip(before_v[keep], layer.drives[:, 1:][keep], before_b[keep], strict=True)
        ]
        for values, array in zip(found, (layer.v, layer.spikes, layer.near_v, layer.near_spikes), strict=True):
            values.append(array[:, 1:][keep])
    if not points:
        raise CaptwinError("fidelity: a chip of one time step has no cycle with a past")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(points), min(LONE_CYCLES, len(points)), replace=False)
    cycles = Runner(result.bench, cache, progress).cycles([points[index] for index in chosen], "lone cycles")
    lone_v, lone_s = np.array([cycle.v for cycle in cycles]), np.array([cycle.spike for cycle in cycles])
    chain_v, chain_s, twin_v, twin_s = (np.concatenate(values)[chosen] for values in found)
    hidden, table = (chain_v - lone_v)[chain_s == lone_s], (twin_v - lone_v)[twin_s == lone_s]
    return LoneCycles(
        cycles=len(chosen),
        hidden_rms=_rms(hidden),
        hidden_worst=float(np.abs(hidden).max(initial=0.0)),
        hidden_agreement=float((chain_s == lone_s).mean()),
        table_rms=_rms(table),
        table_agreement=float((twin_s == lone_s).mean()),
    )


def _simulate(
    chip: Chip,
    bench: Bench,
    number: int,
    neurons: np.ndarray,
    inputs: np.ndarray,
    cache: Path | None,
    progress: Progress | None,
) -> list[list[Chain]]:
    """Chains by image and neuron."""
    columns = {neuron: column_of(chip.layers[number], neuron) for neuron in neurons.tolist()}
    benches = {
        (image, neuron): ColumnBench(bench, column, spikes, chip.analog.v_read)
        for image, spikes in enumerate(inputs)
        for neuron, column in columns.items()
    }
    memory = Memory(None if cache is None else cache / bench.sha256[:32] / "columns.jsonl")
    known = {}
    for key, v, spikes, energy, rows, seconds in memory.read():
        known[key] = Chain(tuple(v), tuple(map(bool, spikes)), tuple(energy), tuple(rows), seconds)
    keys = {place: column.sha256 for place, column in benches.items()}
    todo = [place for place, key in keys.items() if key not in known]
    what, done = f"layer {number}", len(keys) - len(todo)
    tell = progress or (lambda what, done, total: None)
    tell(what, done, len(keys))
    failed = []
    for place, chain in side_by_side(lambda place: benches[place].simulate(), todo):
        done += 1
        tell(what, done, len(keys))
        if chain is None:
            failed.append("(layer {}, image {}, neuron {})".format(number, *place))
            continue
        known[keys[place]] = chain
        spikes = [int(spike) for spike in chain.spikes]
        memory.add([[keys[place], chain.v, spikes, chain.energy, chain.row_energy, round(chain.seconds, 3)]])
    if failed:
        named = ", ".join(failed[:5]) + (", ..." if len(failed) > 5 else "")
        raise SpiceError(
            f"{bench.circuit}: {len(failed)} of {len(keys)} columns do not converge, or not in time: {named};"
            " the others are kept: mend the netlist's convergence"
        )
    return [[known[keys[image, neuron]] for neuron in columns] for image in range(len(inputs))]


def _compare_layer(
    chip: Chip, number: int, neurons: np.ndarray, inputs: np.ndarray, chains: list[list[Chain]]
) -> LayerFidelity:
    layer, formats, v_read = chip.layers[number], chip.formats, chip.analog.v_read

    def gather(name: str) -> np.ndarray:
        return np.array([[getattr(chain, name) for chain in row] for row in chains]).swapaxes(1, 2)

    trace = golden.run_layer(layer, formats, inputs)
    u = trace.u[..., neurons]
    own = replace(layer, threshold_offsets=layer.threshold_offsets[neurons])
    v, spikes = gather("v"), gather("spikes")
    rest = np.full_like(trace.v[:, :1, neurons], layer.rest)
    quiet = np.zeros_like(rest)
    old_v = np.concatenate([rest, trace.v[:, :-1, neurons]], axis=1)
    old_b = np.concatenate([quiet, trace.s[:, :-1, neurons]], axis=1)
    # The twin's one cycle begins at the code nearest to SPICE's membrane.
    near = np.clip(np.rint(_to_codes(layer, formats, v[:, :-1])), 0, formats.membrane_max).astype(np.int64)
    near_v, near_b = np.concatenate([rest, near], axis=1), np.concatenate([quiet, spikes[:, :-1]], axis=1)
    return LayerFidelity(
        layer=number,
        neurons=neurons,
        inputs=inputs,
        drives=np.stack([column_of(layer, neuron).drives(inputs, v_read) for neuron in neurons.tolist()], axis=-1),
        v=v,
        spikes=spikes,
        energy=gather("energy"),
        row_energy=gather("row_energy"),
        seconds=np.array([[chain.seconds for chain in row] for row in chains]),
        twin_v=_to_volts(layer, formats, trace.v[..., neurons]),
        twin_spikes=trace.s[..., neurons].astype(bool),
        twin_energy=None if layer.energy is None else _neuron_energy(layer, formats, old_v, u, old_b),
        saturated=golden.saturates(layer, formats, trace.acc)[..., neurons],
        near_v=_to_volts(layer, formats, golden.move(layer, formats, near_v, near_b, u)),
        near_spikes=golden.fire(own, formats, near_v, near_b, u).astype(bool),
    )


def _to_volts(layer: Layer, formats: Formats, codes: np.ndarray) -> np.ndarray:
    scale = layer.scale
    return np.asarray(scale.v_min + codes * (scale.v_max - scale.v_min) / (formats.membrane_max + 1))


def _to_codes(layer: Layer, formats: Formats, volts: np.ndarray) -> np.ndarray:
    scale = layer.scale
    return np.asarray((volts - scale.v_min) / (scale.v_max - scale.v_min) * (formats.membrane_max + 1))


def _neuron_energy(layer: Layer, formats: Formats, v_old: np.ndarray, u: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Joules of cycles that began with membrane codes ``v_old`` and spikes ``b`` and brought drive codes ``u``."""
    assert layer.energy is not None
    i, x = np.divmod(v_old, 1 << formats.membrane_fraction)
    m, y = np.divmod(u, 1 << formats.drive_fraction)
    x, y = x / (1 << formats.membrane_fraction), y / (1 << formats.drive_fraction)
    knots = layer.energy.astype(np.float64)
    below = (1 - y) * knots[b, i, m] + y * knots[b, i, m + 1]
    above = (1 - y) * knots[b, i + 1, m] + y * knots[b, i + 1, m + 1]
    return np.asarray((1 - x) * below + x * above)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean())) if values.size else 0.0
