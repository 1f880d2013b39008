"""Layers that need no interpolation are just a memory: run as one, they give the golden model's numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Formats, Layer
from captwin.hw.dither import Dither
from captwin.hw.look_up import LookUp, look_up_of
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.train.zoo import load_chip, names
from tests.support.direct import direct_chip, direct_formats, direct_layer


def memory_of(layer: Layer, formats: Formats, look_up: LookUp) -> tuple[np.ndarray, np.ndarray]:
    """(2, membranes, drives) new membranes and spikes, by address: what a core would have in its block RAM."""
    fv, fu = formats.membrane_fraction, formats.drive_fraction
    drives = np.arange(1 << look_up.drive_bits) * look_up.drive_step
    spikes = drives >= layer.thresholds[:, :-1, None].astype(np.int64)
    surfaces = layer.surfaces[..., :-1, drives >> fu] >> fv
    if layer.by_outcome:
        surfaces = np.where(spikes, surfaces[:, 1], surfaces[:, 0])
    return surfaces, spikes


def by_memory(layer: Layer, formats: Formats, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Membranes and spikes (images, steps, columns) of a core that knows drives and membranes by their address."""
    look_up = look_up_of(layer, formats)
    assert look_up is not None
    surfaces, decisions = memory_of(layer, formats, look_up)
    unit = look_up.drive_step << layer.shift
    sums = spikes.astype(np.int64) @ layer.charges.astype(np.int64)
    drives = sums * (layer.gains // unit).astype(np.int64) + layer.offsets // unit
    drives = drives.clip(0, (1 << look_up.drive_bits) - 1)
    v = np.full(sums[:, 0].shape, layer.rest >> formats.membrane_fraction)
    b = np.zeros_like(v)
    membranes, fired = [], []
    for step in range(sums.shape[1]):
        address = b, v, drives[:, step]
        v, b = surfaces[address].astype(np.int64), decisions[address].astype(np.int64)
        membranes.append(v)
        fired.append(b)
    return np.stack(membranes, 1) << formats.membrane_fraction, np.stack(fired, 1)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 8), st.integers(2, 8), st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(0, 1 << 30)
)
def test_a_memory_gives_the_golden_numbers(membrane_bits, drive_bits, wide, coarser, by_outcome, seed):
    rng = np.random.default_rng(seed)
    formats = direct_formats(membrane_bits, drive_bits, wide)
    coarser = min(coarser, drive_bits - 1)
    step = 1 << (formats.drive_fraction + coarser)
    layer = direct_layer(rng, formats, 9, 6, step=step, by_outcome=by_outcome)
    look_up = look_up_of(layer, formats)
    assert look_up is not None and look_up.membrane_bits == membrane_bits
    assert look_up.drive_step >= step and look_up.drive_bits <= drive_bits - coarser
    assert look_up.words == 2 << (look_up.drive_bits + membrane_bits) and look_up.width == membrane_bits + 1
    chip = direct_chip(rng, formats, (layer,))
    pixels = rng.integers(0, 256, (4, 9), dtype=np.uint8)
    (trace,) = golden.run(chip, pixels, trace=True).traces
    membranes, spikes = by_memory(layer, formats, encode(chip.encoder, pixels))
    np.testing.assert_array_equal(membranes, trace.membranes)
    np.testing.assert_array_equal(spikes, trace.spikes)


FORMATS = direct_formats(4, 5)
STEP = 1 << FORMATS.drive_fraction


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: {"gains": layer.gains + 1},
        lambda layer: {"offsets": layer.offsets + (STEP << layer.shift) // 2},
        lambda layer: {"surfaces": layer.surfaces + np.uint16(1)},
        lambda layer: {"surfaces": np.concatenate([layer.surfaces[..., :-1], layer.surfaces[..., -1:] ^ 64], axis=-1)},
        lambda layer: {"rest": layer.rest ^ 1},
        lambda layer: {"thresholds": np.full_like(layer.thresholds, FORMATS.drive_max)},
        lambda layer: {
            "thresholds": np.full_like(layer.thresholds, 1 << FORMATS.drive_bits),
            "threshold_offsets": -np.ones_like(layer.threshold_offsets),
        },
        lambda layer: {"dither": Dither(seed=1, amplitude=1)},
    ],
)
def test_what_needs_interpolation(change):
    layer = direct_layer(np.random.default_rng(1), FORMATS, 5, 3, step=STEP)
    assert look_up_of(layer, FORMATS) is not None
    assert look_up_of(replace(layer, **change(layer)), FORMATS) is None


@pytest.mark.parametrize("name", [name for name in names() if not name.endswith("-realtime")])
def test_chips_of_full_formats_need_it(name):
    chip = load_chip(name)
    assert all(look_up_of(layer, chip.formats) is None for layer in chip.layers)
