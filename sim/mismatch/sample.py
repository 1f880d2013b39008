"""Neurons of one circuit whose transistors a foundry's statistics draw, each measured as a table of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from captwin.hw.support.progress import Progress, silent
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.devices import statistical_devices
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.characterize import characterize
from captwin.sim.spice.ngspice import SpiceError

#: V, how exactly the thresholds of sampled neurons are known: well below what they spread
RESOLUTION = 1e-3
#: membranes and drives of a sampled neuron's table; deviations are smooth, and need no more
MEMBRANES, DRIVES = 2, 3
#: its membranes go from rest to this share of the way to the highest, where neurons decide
REACH = 0.5


def sampled_table(bench: Bench, cache: Path | None = None) -> NeuronTable:
    """The coarse table of ``bench``: of a sampled neuron, or the typical one that it deviates from."""
    p = bench.parameters
    axis = {"v_min": p["v_ref"], "v_max": p["v_ref"] + REACH * (p["v_max"] - p["v_ref"])}
    reached = replace(bench, values=tuple({**p, **axis}.items()))
    return characterize(reached, MEMBRANES, drive_points=DRIVES, resolution=RESOLUTION, cache=cache)


def statistical(bench: Bench, variation: str = "mismatch") -> Bench:
    """``bench`` with devices whose ``variation`` the foundry's statistics draw, at the typical corner.

    Its references stay those of typical devices: all neurons of a chip share one bias circuit. Raises
    :class:`CaptwinError` if the devices are no PDK's, if its cards have no such statistics, or if the conditions
    are another corner's.
    """
    if bench.models not in pdks():
        raise SpiceError(
            f"{bench.circuit}: its devices are those of {bench.models}, which state no mismatch; take a circuit on a"
            f" foundry's devices ({', '.join(pdks())})"
        )
    pdk = find_pdk(bench.models)
    if bench.conditions.corner != pdk.corners[0]:
        raise SpiceError(
            f"{bench.circuit}: mismatch is stated for {pdk.corners[0]} devices, not for {bench.conditions.corner}"
        )
    devices = statistical_devices(pdk, variation, bench.netlist.text, str(bench.path))
    return replace(bench, devices=devices, seed=0)


def neuron_seed(seed: int, number: int) -> int:
    """The seed that draws the devices of neuron ``number``, 1 to 2^31 - 1 as ngspice takes them."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] % (2**31 - 2)) + 1


def sampled_tables(
    bench: Bench, neurons: int, seed: int, *, cache: Path | None = None, progress: Progress = silent
) -> Iterator[NeuronTable]:
    """The :func:`sampled_table` of each of ``neurons`` neurons of ``bench``, as drawn.

    Equal seeds draw equal neurons, and neuron 0 is the same however many follow. Cycles are kept in ``cache``;
    ``progress`` is called with how many neurons are done. Raises :class:`CaptwinError` as :func:`statistical` and
    :func:`characterize` do.
    """
    drawn = statistical(bench)
    progress("neurons", 0, neurons)
    for number in range(neurons):
        yield sampled_table(replace(drawn, seed=neuron_seed(seed, number)), cache)
        progress("neurons", number + 1, neurons)
