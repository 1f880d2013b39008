"""Chips of one circuit as a foundry's statistics draw them: what all neurons of a chip share.

Two things are drawn once a chip: the process, which moves all devices of a kind alike, and the devices of the bias
circuit, of which there is one for all neurons. The neurons of such a chip are all alike.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from captwin.sim.mismatch.sample import neuron_seed, statistical
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.spice.benches.bench import Bench, referred
from captwin.sim.spice.characterize import characterize
from captwin.sim.spice.source import Source

#: V, how exactly the thresholds of a chip are known
RESOLUTION = 2e-4
#: membranes and drives of a chip's table; deviations are smooth, and need no more
MEMBRANES, DRIVES = 5, 5
#: what is drawn once a chip
SHARED = ("process", "bias")

_GLOBAL = re.compile(r"agauss\(\s*([-+.\de]+)\s*,\s*([-+.\de]+)\s*,\s*([-+.\de]+)\s*\)", re.IGNORECASE)


def die_table(bench: Bench, cache: Path | None = None) -> NeuronTable:
    """The coarse table of ``bench``: of a chip as drawn, or of the typical one."""
    return characterize(bench, MEMBRANES, drive_points=DRIVES, resolution=RESOLUTION, cache=cache)


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


def process_die(bench: Bench, seed: int, number: int) -> Bench:
    """Chip ``number`` of ``bench`` as the process makes it, its bias circuit too.

    Chips come in pairs of opposite deviations, so their mean is not what luck makes it.
    """
    text = statistical(bench, "process").devices.text
    normal = np.random.default_rng([seed, number // 2]).standard_normal(len(_GLOBAL.findall(text)))
    text = drawn_process(text, -normal if number % 2 else normal)
    devices = Source(raw=text, text=text, included={})
    return replace(referred(bench, devices), devices=devices)


def bias_die(bench: Bench, seed: int, number: int) -> Bench:
    """Chip ``number`` of ``bench`` whose bias circuit alone deviates, by the mismatch of its devices."""
    return referred(bench, statistical(bench).devices, neuron_seed(seed, number))
