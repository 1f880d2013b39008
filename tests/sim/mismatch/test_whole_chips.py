"""Do the modes suffice? Chips with all that was measured of them, against chips of modes, and of threshold offsets."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.sim import golden
from captwin.sim.mismatch.chips import SampledChip, sampled_chips
from captwin.sim.mismatch.deviate import deviated_layer
from captwin.sim.mismatch.measure_shared import reduced
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.reduce import neuron_numbers, threshold_deviation
from captwin.sim.mismatch.shared import Cause, Deviation
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.memory import default_cache
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import train
from tests.support.needs import needs_ngspice, needs_pdk

#: sampled chips
CHIPS = 16


class Compared(NamedTuple):
    """Means over chips."""

    nominal: float  #: accuracy of the typical chip
    whole: float  #: with tables that hold all that was measured of each
    by_modes: float  #: with what the modes keep of that
    by_offsets: float  #: with one threshold offset a chip
    worst: float  #: largest difference of the first two in one chip


def compare_chips(chip: Chip, cause: str) -> Compared:
    """CHIPS chips of the circuit of ``chip``, sampled in ngspice or taken from the cache."""
    data, bench = load_dataset("digits"), open_bench(chip.analog.circuit)
    typical = SampledChip.of(bench, default_cache())
    sampled = list(sampled_chips(bench, cause, CHIPS, 1, cache=default_cache()))
    model = reduced(typical, sampled)
    place, rows = list(NUMBERS).index("threshold"), []
    for each in sampled:
        curves, numbers = (find(typical.table, each.table) for find in (threshold_deviation, neuron_numbers))
        assert curves is not None and numbers is not None
        surfaces = each.table.surfaces - typical.table.surfaces
        whole = Deviation(typical.table.v, typical.table.u, curves, surfaces)
        offset = whole._replace(thresholds=np.full_like(curves, numbers[place]), surfaces=np.zeros_like(surfaces))
        rows.append([accuracy(chip, seen, data) for seen in (whole, projected(whole, model), offset)])
    means = np.mean(rows, axis=0)
    worst = float(np.abs(np.subtract(*np.transpose(rows)[:2])).max())
    nominal = golden.run(chip, data.test_images).accuracy(data.test_labels)
    return Compared(nominal, *means.tolist(), worst)


def accuracy(chip, deviation, data) -> float:
    layers = tuple(deviated_layer(layer, chip.formats, deviation) for layer in chip.layers)
    return golden.run(replace(chip, layers=layers), data.test_images).accuracy(data.test_labels)


def projected(whole: Deviation, model: Cause) -> Deviation:
    """``whole`` with what mean and modes can say of it, thresholds weighing as much as surfaces."""
    flat = np.concatenate([whole.thresholds.ravel(), whole.surfaces.ravel()])
    modes, mean, split = np.array(model.modes), np.array(model.mean), whole.thresholds.size
    weights = np.concatenate([np.full(part.shape[1], 1 / part.std()) for part in np.split(modes, [split], axis=1)])
    scores, *_ = np.linalg.lstsq((modes * weights).T, (flat - mean) * weights, rcond=None)
    thresholds, surfaces = np.split(mean + scores @ modes, [split])
    return whole._replace(
        thresholds=thresholds.reshape(whole.thresholds.shape), surfaces=surfaces.reshape(whole.surfaces.shape)
    )


@pytest.mark.proof
@needs_ngspice
@needs_pdk("gf180mcu")
@pytest.mark.parametrize("cause", ["process", "bias"])
def test_modes_are_enough(cause: str, tmp_path: Path) -> None:
    """The mean accuracy of chips is right within half a point."""
    train(load_config("digits-gf180-pass"), tmp_path / "run")
    found = compare_chips(Chip.load(tmp_path / "run" / "chip.safetensors"), cause)
    print(cause, found)
    assert abs(found.by_modes - found.whole) < 0.005
