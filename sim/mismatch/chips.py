"""Chips of one circuit as a foundry's statistics draw them: what all neurons of a chip share.

Two things are drawn once a chip: the process, which moves all devices of a kind alike, and the devices of the bias
circuit, of which there is one for all neurons. The neurons of such a chip are all alike.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.mismatch.sample import neuron_seed, statistical
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.spice.benches.bench import Bench, referred
from captwin.sim.spice.characterize import characterize
from captwin.sim.spice.source import Source

#: V, how exactly the thresholds of a chip are known
RESOLUTION = 2e-4
#: membranes and drives of a chip's table; deviations are smooth, and need no more
MEMBRANES, DRIVES = 5, 5

_GLOBAL = re.compile(r"agauss\(\s*([-+.\de]+)\s*,\s*([-+.\de]+)\s*,\s*([-+.\de]+)\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class SampledChip:
    """A chip as drawn, or the typical one."""

    v_ref: float  #: V
    table: NeuronTable  #: of all its neurons, on a coarse grid; its membranes are less V_ref

    @classmethod
    def of(cls, bench: Bench, cache: Path | None = None) -> "SampledChip":
        """Measures the neuron of ``bench``, whose references are the chip's."""
        table = characterize(bench, MEMBRANES, drive_points=DRIVES, resolution=RESOLUTION, cache=cache)
        v_ref = bench.parameters["v_ref"]
        seen = replace(table, v=table.v - v_ref, v_rest=table.v_rest - v_ref, surfaces=table.surfaces - v_ref)
        return cls(v_ref, seen)


def drawn_process(text: str, normal: np.ndarray) -> str:
    """Device models whose process is not drawn by ngspice: each number that ``text`` draws once for all devices is
    replaced by what the standard normal number in ``normal`` makes of it.

    So the bias circuit and the neurons, which ngspice simulates in decks of their own, are of one chip.
    """
    numbers = iter(normal.tolist())

    def value(match: re.Match[str]) -> str:
        nominal, variation, sigmas = (float(word) for word in match.groups())
        return f"({nominal + variation / sigmas * next(numbers):.9g})"

    return _GLOBAL.sub(value, text)


def process_chip(bench: Bench, seed: int, number: int, *, neuron: int | None = None) -> Bench:
    """Chip ``number`` of ``bench`` as the process makes it, its bias circuit too; with ``neuron`` that one of its
    neurons, whose own transistors deviate as well.

    Chips come in pairs of opposite deviations, so their mean is not what luck makes it.
    """

    def drawn(variation: str) -> Source:
        text = statistical(bench, variation).devices.text
        normal = np.random.default_rng([seed, number // 2]).standard_normal(len(_GLOBAL.findall(text)))
        text = drawn_process(text, -normal if number % 2 else normal)
        return Source(raw=text, text=text, included={})

    devices = drawn("process")
    chip = replace(referred(bench, devices), devices=devices)
    return chip if neuron is None else replace(chip, devices=drawn("all"), seed=neuron_seed(seed, neuron))


def bias_chip(bench: Bench, seed: int, number: int) -> Bench:
    """Chip ``number`` of ``bench`` whose bias circuit alone deviates, by the mismatch of its devices; in pairs too."""
    devices, pair = statistical(bench).devices, neuron_seed(seed, number // 2)
    return referred(bench, devices, pair, opposite=number % 2 == 1)


#: how a chip is drawn, by what its neurons share
DRAW: dict[str, Callable[[Bench, int, int], Bench]] = {"process": process_chip, "bias": bias_chip}


def sampled_chips(
    bench: Bench, cause: str, chips: int, seed: int, *, cache: Path | None = None, progress: Progress = silent
) -> Iterator[SampledChip]:
    """``chips`` chips of ``bench`` that one cause, of DRAW, makes deviate.

    Equal seeds draw equal chips, and chip 0 is the same however many follow. Cycles are kept in ``cache``; ``progress``
    is called with how many chips are done. Raises :class:`CaptwinError` as :func:`statistical` and
    :func:`characterize` do.
    """
    progress(f"chips, {cause}", 0, chips)
    for number in range(chips):
        yield SampledChip.of(DRAW[cause](bench, seed, number), cache)
        progress(f"chips, {cause}", number + 1, chips)
