"""Noise of the analog chip: each term in volts, and the integers that it adds to the chip's arithmetic.

``docs/nonideal.md`` has the formulas of the volts, ``docs/arithmetic.md`` those of the integers, in the same letters.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from captwin.hw.chip import Analog, Chip, Formats, Layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.fabricate import drive_slope
from captwin.sim.jit import njit
from captwin.sim.neurons.quantise import QuantisedNeuron

#: J/K
BOLTZMANN = 1.380649e-23
#: K at 0 deg C
ZERO_CELSIUS = 273.15
#: 16-bit numbers that are added up for one number of a bell curve, and 64-bit words that they come from
PARTS, WORDS = 8, 2
#: mean and standard deviation of such a sum
CENTRE = PARTS * ((1 << 16) - 1) // 2
SPREAD = math.sqrt(PARTS * ((1 << 32) - 1) / 12)
#: what a neuron's numbers of a cycle are added to, in their order: drive, drive after a spike, threshold, membrane
TERMS = 4


@dataclass(frozen=True)
class Noise:
    """A run's noise: kT/C of the chip's capacitors at its temperature, and what is stated here.

    Raises :class:`CaptwinError` if a value is out of range.

    >>> digits, noise = captwin.load_dataset("digits"), captwin.Noise(seed=1, comparator=1e-4)
    >>> answers = captwin.run_golden(captwin.load_chip("digits-tiny"), digits.test_images, noise=noise)
    >>> answers.accuracy(digits.test_labels) > 0.93
    True
    """

    seed: int = 1  #: of all random numbers, 0 to 2^64 - 1
    comparator: float = 0.0  #: V RMS of the comparators, referred to the membrane, 0 to 1 V
    reference: float = 0.0  #: V RMS of V_ref, the same for all neurons of a layer, 0 to 1 V
    supply: float = 0.0  #: V RMS of the supply, of which V_ref has its share, 0 to 1 V

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 64:
            raise CaptwinError(f"noise seed: must lie in 0 to 2^64 - 1, got {self.seed}")
        for name in ("comparator", "reference", "supply"):
            if not 0 <= (volts := getattr(self, name)) <= 1:
                raise CaptwinError(f"{name} noise: must lie in 0 to 1 V, got {volts:g}")


@dataclass(frozen=True, eq=False)
class NoiseVolts:
    """Standard deviations of a layer's noise, in V; arrays are (columns,)."""

    column: np.ndarray  #: of the column, when the precharge switch opens
    reset: np.ndarray  #: of the membrane, when the reset opens after a spike
    transfer: np.ndarray  #: of the membrane, when the transfer switch opens
    comparator: float  #: of the decision, seen at the membrane
    reference: float  #: of the column, when it is charged to V_ref; the same in all columns, the supply's share in it

    @property
    def decision(self) -> np.ndarray:
        """What acts on the decision alone, seen at the membrane: the transfer's noise as the latch closes, and the
        comparator's."""
        return np.hypot(self.transfer, self.comparator)

    def as_drive(self, slope: float) -> float:
        """V RMS over all columns: the drive whose noise moves a silent neuron's decision as much as all of this does,
        the membrane moving by ``slope`` V a volt of drive."""
        squares = self.column**2 + self.reference**2 + (self.decision / slope) ** 2
        return float(np.sqrt(np.mean(squares)))

    def membrane(self, share: np.ndarray) -> np.ndarray:
        """All that one silent cycle adds to the membrane, where ``share`` of the column's volts arrive there."""
        return np.sqrt(share**2 * (self.column**2 + self.reference**2) + self.transfer**2)


def noise_volts(analog: Analog, c_column: np.ndarray, noise: Noise, v_ref: float = 0.0) -> NoiseVolts:
    """The noise of columns of ``c_column`` F, (columns,), at the temperature of ``analog``; a divider makes ``v_ref`` V
    of the supply."""
    kt = BOLTZMANN * (analog.temperature + ZERO_CELSIUS)
    share, c_column = column_share(analog, c_column), c_column.astype(np.float64)
    c_membrane = np.full_like(c_column, analog.c_membrane)
    return NoiseVolts(
        column=np.sqrt(kt / c_column),
        reset=np.sqrt(kt / c_membrane),
        transfer=np.sqrt(share * kt / c_membrane),
        comparator=noise.comparator,
        reference=math.hypot(noise.reference, noise.supply * v_ref / analog.supply),
    )


def layer_noise(analog: Analog, layer: Layer, formats: Formats, noise: Noise) -> NoiseVolts:
    """The noise of a chip's layer, whose V_ref is where its membranes rest."""
    return noise_volts(analog, layer.c_column, noise, _rest(layer, formats))


def _rest(neuron: Layer | QuantisedNeuron, formats: Formats) -> float:
    """V of a resting membrane."""
    return float(neuron.scale.membranes(formats).volts(neuron.rest))


def column_share(analog: Analog, c_column: np.ndarray) -> np.ndarray:
    """a = C_column / (C_membrane + C_column), (columns,): how much of a column's volts arrives at the membrane."""
    c_column = c_column.astype(np.float64)
    return c_column / (analog.c_membrane + c_column)


def drive_noise(analog: Analog, c_column: float, neuron: QuantisedNeuron, noise: Noise) -> float:
    """V RMS: the drive whose noise moves the decision of a silent neuron as much as all of its noise does.

    Raises :class:`CaptwinError` if the drive does not move the neuron's membrane.
    """
    slope = _slope(neuron, neuron.formats, "noise")
    v_ref = _rest(neuron, neuron.formats)
    return noise_volts(analog, np.array([c_column]), noise, v_ref).as_drive(slope)


def layer_drive_noise(analog: Analog, layer: Layer, formats: Formats, noise: Noise, where: str) -> float:
    """The same of a chip's layer, over all its columns; ``where`` is what a message calls it."""
    return layer_noise(analog, layer, formats, noise).as_drive(_slope(layer, formats, where))


def _slope(neuron: Layer | QuantisedNeuron, formats: Formats, where: str) -> float:
    """V of membrane a volt of drive, near the threshold."""
    if (slope := drive_slope(neuron, formats)) <= 0:
        raise CaptwinError(f"{where}: its drive does not move the membrane near the threshold, so no noise is known")
    return slope


@dataclass(frozen=True, eq=False)
class _Steps:
    """Standard deviations of the integers that noise adds, each over that of a random number."""

    terms: np.ndarray  #: (columns, TERMS)
    reference: float  #: what all columns add to the first term

    @classmethod
    def of(cls, analog: Analog, layer: Layer, formats: Formats, noise: Noise, where: str) -> "_Steps":
        volts, share = layer_noise(analog, layer, formats, noise), column_share(analog, layer.c_column)
        drives, membranes = layer.scale.drives(formats), layer.scale.membranes(formats)
        slope = _slope(layer, formats, where) if volts.decision.any() else 1.0
        drive = {
            "column": volts.column,
            "reset": volts.reset * (1 - share) / share,
            "comparator": volts.decision / slope,
            "reference": np.array([volts.reference]),
        }
        for name, values in {**drive, "membrane": volts.transfer}.items():
            span = drives if name in drive else membranes
            if values.max() > span.lsb * span.count:
                size = "" if name not in vars(volts) else f" of {np.max(getattr(volts, name)):g} V"
                raise CaptwinError(f"{where}: {name} noise{size} is more than the chip's codes span")
        u, d = float(1 << layer.shift) / drives.lsb, float(1 << formats.membrane_fraction) / drives.lsb
        v = float(1 << (formats.membrane_fraction + formats.drive_fraction)) / membranes.lsb
        columns = [drive["column"] * u, drive["reset"] * u, drive["comparator"] * d, volts.transfer * v]
        return cls(np.stack(columns, axis=-1) / SPREAD, volts.reference * u / SPREAD)


class NoiseSource:
    """The integers of one run. They depend on chip, seed, layer and image alone, not on what was drawn before."""

    def __init__(self, chip: Chip, noise: Noise) -> None:
        """Raises :class:`CaptwinError` if the noise is larger than what the chip's codes span."""
        self.seed, self.time_steps = noise.seed, chip.encoder.steps
        self._layers = [
            _Steps.of(chip.analog, layer, chip.formats, noise, f"layer {number}")
            for number, layer in enumerate(chip.layers)
        ]

    def draw(self, layer: int, images: range, *, reference: bool = True) -> np.ndarray:
        """(images, steps, columns, TERMS) int64: what each neuron's noise adds in each cycle of these images.

        ``images`` are counted over the whole run, whatever its batches. Without ``reference`` the same numbers, less
        what V_ref, which all neurons share, adds to the first term.
        """
        steps = self._layers[layer]
        shared = steps.reference if reference else 0.0
        columns = len(steps.terms)
        drawn = np.empty((len(images), self.time_steps, columns, TERMS), np.int64)
        count = WORDS * self.time_steps * (columns * TERMS + 1)
        for place, image in enumerate(images):
            stream = np.random.Philox(key=_words(self.seed, 0), counter=_words(0, layer, image, 0))
            _fill(stream.random_raw(count), steps.terms, shared, drawn[place])
        return drawn


def _words(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


@njit(cache=True, nogil=True)
def _fill(words: Any, terms: Any, reference: float, drawn: Any) -> None:
    """One image's integers from its random words: first those of the neurons, then those that all columns share."""
    time_steps, columns, kinds = drawn.shape
    at = 0
    for step in range(time_steps):
        for j in range(columns):
            for kind in range(kinds):
                drawn[step, j, kind] = _whole(words, at, terms[j, kind])
                at += WORDS
    for step in range(time_steps):
        shared = _whole(words, at, reference)
        at += WORDS
        for j in range(columns):
            drawn[step, j, 0] += shared


@njit(cache=True, nogil=True)
def _whole(words: Any, at: Any, scale: float) -> int:
    """The sum of the eight 16-bit parts of two words, less its mean, times ``scale``, rounded."""
    total = np.int64(0)
    for word in range(WORDS):
        rest = words[at + word]
        for _ in range(PARTS // WORDS):
            total += np.int64(rest & np.uint64(0xFFFF))
            rest >>= np.uint64(16)
    return int(np.floor((total - CENTRE) * scale + 0.5))
