"""What a comparison of SPICE's columns with the twin found: chains of each layer, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim.fidelity.disturbances import LayerNoise
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.benches.column import ColumnBench, column_of


@dataclass(frozen=True, eq=False)
class LayerFidelity:
    """A layer's chains in both models. A chain is the cycles of one neuron under one image, from rest, each beginning
    where the one before ended. Arrays are (images, steps, neurons) where nothing else is said."""

    layer: int  #: its number
    neurons: np.ndarray  #: (neurons,) indices of those that were simulated
    inputs: np.ndarray  #: (images, steps, rows) spikes, 0 or 1, that both models were given
    drives: np.ndarray  #: V, by the real capacitances
    v: np.ndarray  #: V, membranes after each cycle in SPICE
    spikes: np.ndarray  #: bool, in SPICE
    energy: np.ndarray  #: J that each neuron drew in the cycle, in SPICE
    row_energy: np.ndarray  #: J that the row drivers gave to its column in the cycle, in SPICE
    seconds: np.ndarray  #: (images, neurons) s that ngspice took
    twin_v: np.ndarray  #: V, membranes of the twin
    twin_spikes: np.ndarray  #: bool, of the twin
    twin_energy: np.ndarray | None  #: J of each neuron's cycle by the twin; None where the chip has no energies
    saturated: np.ndarray  #: bool, where the twin clamped its drive
    near_v: np.ndarray  #: V, the twin's membrane after one cycle that began with SPICE's membrane and last spike
    near_spikes: np.ndarray  #: bool, the twin's spike at the end of that cycle
    noise: LayerNoise | None = None  #: what disturbed both models; none in quiet chains
    quiet: "LayerFidelity | None" = None  #: the same chains without that noise

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

    @cached_property
    def inside(self) -> np.ndarray:
        """Where the twin has clamped no drive since the chain's beginning."""
        return np.asarray(~np.logical_or.accumulate(self.saturated, axis=1))

    @cached_property
    def noise_alike(self) -> np.ndarray:
        """Where both models have spiked alike since the chain's beginning, with noise and without."""
        assert self.quiet is not None, "chains without noise"
        alike = self.agree & self.quiet.agree & (self.spikes == self.quiet.spikes)
        return np.logical_and.accumulate(alike, axis=1)

    @property
    def before(self) -> tuple[np.ndarray, np.ndarray]:
        """SPICE's membrane and spike before each cycle but the first of each chain."""
        return self.v[:, :-1], self.spikes[:, :-1]


@dataclass(frozen=True)
class Summary:
    """Figures over chains; errors are twin less SPICE."""

    neurons: int  #: that were simulated
    chains: int  #: neurons times images
    cycles: int  #: of all chains
    spikes: int  #: in SPICE
    agreement: float  #: share of cycles in which both spike or neither does
    rms: float  #: V, RMS of the membrane's error where spikes agree
    worst: float  #: V, the largest of these errors
    rms_inside: float  #: V, RMS of those before any drive of the chain that the twin clamps
    rms_so_far: float  #: V, RMS up to the chain's first wrong spike: after one, states differ by a reset
    worst_so_far: float  #: V, the largest of these errors
    faultless: float  #: share of chains without a wrong spike
    saturated: float  #: share of cycles whose drive the twin clamps
    single_agreement: float  #: as agreement, each cycle of the twin begun with SPICE's membrane and last spike
    single_rms: float  #: V, as rms, likewise
    energy: float  #: J a neuron and cycle, in SPICE
    row_energy: float  #: J of the row drivers a column and cycle, in SPICE
    twin_energy: float | None  #: J a neuron and cycle, by the twin; None where the chip has no energies


@dataclass(frozen=True)
class NoiseEffect:
    """What noise does to the chains: membranes with noise less those without, up to a chain's first cycle in which not
    all four runs spike alike; and spikes in all cycles."""

    cycles: int  #: whose membranes are compared
    spice_rms: float  #: V, RMS by which noise moves the membrane in SPICE
    twin_rms: float  #: V, in the twin
    difference_rms: float  #: V, RMS of one less the other
    spice_turned: float  #: share of cycles whose spike noise changes in SPICE
    twin_turned: float  #: in the twin


@dataclass(frozen=True)
class Fidelity:
    """A chip's comparison with SPICE."""

    chip: Chip
    bench: Bench  #: of the chip's circuit, under the chip's conditions
    layers: tuple[LayerFidelity, ...]
    labels: np.ndarray | None  #: (images,) classes by SPICE; None where not all neurons were simulated
    twin_labels: np.ndarray  #: (images,) classes by the twin
    golden_seconds: float  #: s that the golden model took an image
    warnings: tuple[str, ...]  #: what speaks against the comparison, a sentence each

    @property
    def quiet(self) -> "Fidelity":
        """The same without noise, on the same input spikes; there are no classes."""
        layers = tuple(layer.quiet or layer for layer in self.layers)
        return self if layers == self.layers else replace(self, layers=layers, labels=None)

    def noise_effect(self) -> NoiseEffect | None:
        """What noise does in either model, over all layers; None of quiet chains."""
        pairs = [(layer, layer.quiet) for layer in self.layers if layer.quiet is not None]
        if not pairs:
            return None
        spice = np.concatenate([(layer.v - quiet.v)[layer.noise_alike] for layer, quiet in pairs])
        twin = np.concatenate([(layer.twin_v - quiet.twin_v)[layer.noise_alike] for layer, quiet in pairs])
        turned, foretold = (
            np.concatenate([(getattr(layer, name) != getattr(quiet, name)).ravel() for layer, quiet in pairs])
            for name in ("spikes", "twin_spikes")
        )
        return NoiseEffect(
            cycles=len(spice),
            spice_rms=rms_of(spice),
            twin_rms=rms_of(twin),
            difference_rms=rms_of(twin - spice),
            spice_turned=float(turned.mean()),
            twin_turned=float(foretold.mean()),
        )

    @property
    def images(self) -> int:
        """How many images were run."""
        return len(self.twin_labels)

    @property
    def class_agreement(self) -> float | None:
        """Share of images that both models give the same class."""
        return None if self.labels is None else float((self.labels == self.twin_labels).mean())

    @property
    def spice_seconds(self) -> float:
        """s that ngspice takes on one core for an image and all columns, reckoned from those simulated."""
        return sum(float(layer.seconds.mean()) * self.chip.layers[layer.layer].columns for layer in self.layers)

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
            rms=rms_of(error),
            worst=float(np.abs(error).max(initial=0.0)),
            rms_inside=rms_of(pooled("error")[pooled("agree") & pooled("inside")]),
            rms_so_far=rms_of(so_far),
            worst_so_far=float(np.abs(so_far).max(initial=0.0)),
            faultless=float(faultless.mean()),
            saturated=float(pooled("saturated").mean()),
            single_agreement=float(same.mean()),
            single_rms=rms_of(near),
            energy=float(pooled("energy").mean()),
            row_energy=float(pooled("row_energy").mean()),
            twin_energy=float(pooled("twin_energy").mean()) if known else None,
        )

    def worst_chain(self) -> tuple[int, int, int]:
        """Place in ``layers``, image, and place among the layer's neurons: most wrong spikes, then largest error."""
        worst_score, worst = (-1, -1.0), (0, 0, 0)
        for place, layer in enumerate(self.layers):
            wrong = (~layer.agree).sum(axis=1)
            largest = np.abs(np.where(layer.agree, layer.error, 0)).max(axis=1)
            image, neuron = (
                int(n) for n in np.unravel_index(np.lexsort((largest.ravel(), wrong.ravel()))[-1], wrong.shape)
            )
            score = int(wrong[image, neuron]), float(largest[image, neuron])
            if score > worst_score:
                worst_score, worst = score, (place, image, neuron)
        return worst

    def column_bench(self, place: int, image: int, neuron: int) -> ColumnBench:
        """The bench of a chain, numbered as :meth:`worst_chain` does."""
        layer = self.layers[place]
        column = column_of(self.chip.layers[layer.layer], int(layer.neurons[neuron]))
        number = int(layer.neurons[neuron])
        noise = None if layer.noise is None else layer.noise.disturbance(image, number)
        return ColumnBench(self.bench, column, layer.inputs[image], self.chip.analog.v_read, disturbance=noise)


def rms_of(values: np.ndarray) -> float:
    """Root of the mean square; 0 of no values."""
    return float(np.sqrt(np.square(values).mean())) if values.size else 0.0
