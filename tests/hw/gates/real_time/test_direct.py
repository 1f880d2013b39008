"""Which layers need no interpolation, and what a core tells of the others."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Chip, Layer
from captwin.hw.gates.core import Core
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.real_time.direct import DirectLayer, direct_layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.train.zoo import load_chip, names
from tests.support.chips import random_chip
from tests.support.real_time import real_time_chip

REAL_TIME = CoreOptions(1, 1, 1, real_time=True)


def after(direct: DirectLayer, column: int, spike: int, knot: int, drive: int) -> tuple[int, int]:
    """Knot and spike that the gates' table gives."""
    word = direct.words()[drive + (knot << direct.drive_bits) + (spike << direct.drive_bits + direct.membrane_bits)]
    mask = (1 << direct.membrane_bits) - 1
    if direct.alike:
        return word & mask, word >> direct.membrane_bits
    fires = int(drive >= direct.limits[column, spike, knot])
    four = len(direct.membranes) == 4
    return (word >> direct.membrane_bits if four and fires else word) & mask, fires


@pytest.mark.parametrize("seed", range(6))
def test_a_table_is_the_whole_response(seed: int) -> None:
    chip = real_time_chip(seed, knots=(2, 3), fabricated=seed % 2 == 1, by_outcome=seed % 3 == 0)
    layer, formats = chip.layers[0], chip.formats
    direct = direct_layer(layer, formats, "layers.0")
    assert direct.alike or seed % 2
    drives, spikes, knots = np.meshgrid(np.arange(1 << direct.drive_bits), [0, 1], np.arange(4), indexing="ij")
    column = layer.columns - 1
    one = replace(layer, threshold_offsets=layer.threshold_offsets[column:])
    shape = drives.shape[:2] + (4, 1)
    v, b, u = (
        array.reshape(shape) for array in (knots << formats.membrane_fraction, spikes, drives << direct.step_bits)
    )
    membranes, fired = golden.run_cycle(one, formats, v, b, u)
    for place in np.ndindex(drives.shape):
        knot, fires = after(direct, column, int(spikes[place]), int(knots[place]), int(drives[place]))
        assert (knot << formats.membrane_fraction, fires) == (membranes[place][0], fired[place][0]), f"seed {seed}"


def changed(chip: Chip, **fields: object) -> Chip:
    return replace(chip, layers=(replace(chip.layers[0], **fields), *chip.layers[1:]))


def uneven(layer: Layer) -> np.ndarray:
    surfaces = layer.surfaces.copy()
    surfaces[0, 0, 0] += 1
    return surfaces


def open_end(layer: Layer) -> np.ndarray:
    surfaces = layer.surfaces.copy()
    surfaces[..., -1] ^= 1 << 9
    return surfaces


def test_what_needs_interpolation_is_refused_in_one_line() -> None:
    chip = real_time_chip(1, knots=(3, 4), fabricated=False, by_outcome=False)
    layer = chip.layers[0]
    wrong = {
        "layers.0.surfaces: its membranes lie between knots; train": {"surfaces": uneven(layer)},
        "layers.0.surfaces: the last knots of the drive differ": {"surfaces": open_end(layer)},
        "layers.0.gains: a real-time core takes powers of two alone": {"gains": layer.gains * 3},
        "layers.0.gains: its drives lie between knots": {"gains": layer.gains >> 4},
        "layers.0.surfaces: its membranes": {"rest": layer.rest + 1},
    }
    for message, fields in wrong.items():
        with pytest.raises(CaptwinError, match=message) as caught:
            Core(changed(chip, **fields), REAL_TIME)
        assert "\n" not in str(caught.value)
    with pytest.raises(CaptwinError, match=r"layers.0.gains: a real-time core takes powers of two alone; train"):
        Core(load_chip("digits-tiny"), REAL_TIME)
    with pytest.raises(CaptwinError, match=r"layers.0.dither: a real-time core has no gates for it"):
        Core(random_chip(1, sizes=(2, 2), kind="rate", dithered=True), REAL_TIME)


@pytest.mark.parametrize("name", [name for name in names() if name.endswith("-realtime")])
def test_chips_that_were_trained_for_it_are_direct(name: str) -> None:
    chip = load_chip(name)
    for number, layer in enumerate(chip.layers):
        assert direct_layer(layer, chip.formats, f"layers.{number}").alike


def test_encoders_without_gates_for_real_time_are_refused() -> None:
    with pytest.raises(CaptwinError, match="encoder: a real-time core has no gates for latency; train"):
        Core(random_chip(1, sizes=(2, 2), kind="latency"), REAL_TIME)
