"""What a comparison of SPICE's columns with the twin found: chains of each layer, and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from captwin.hw.chip import Chip
from captwin.sim.spice.bench import Bench
from captwin.sim.spice.column import ColumnBench, column_of


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

    @cached_property
    def inside(self) -> np.ndarray:
        """Where the twin has clamped no drive since the chain's beginning."""
        return np.asarray(~np.logical_or.accumulate(self.saturated, axis=1))

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
    rms_inside: float  #: of the same where the twin does not clamp the drive, nor did it earlier in the chain
    rms_so_far: float  #: and worst, up to the chain's first wrong spike: after one, states differ by a reset
    worst_so_far: float
    faultless: float  #: share of chains without a wrong spike
    saturated: float  #: share of cycles whose drive the twin clamps
    single_agreement: float  #: as agreement and rms, each cycle begun with SPICE's own state
    single_rms: float
    energy: float
    row_energy: float
    twin_energy: float | None


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


def rms_of(values: np.ndarray) -> float:
    """Root of the mean square; 0 of no values."""
    return float(np.sqrt(np.square(values).mean())) if values.size else 0.0
