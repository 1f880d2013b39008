"""What is told of neurons that do nothing, or too much."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.sim import activity, golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip, names

PIXELS = load_dataset("digits").test_images[:300]


def test_shares_are_those_of_the_traces():
    chip = load_chip("digits-small")
    measured = activity.measure(chip, PIXELS, batch=7)
    traces = golden.run(chip, PIXELS, trace=True).traces
    for layer, trace, entry in zip(measured.layers, traces, chip.layers, strict=True):
        assert layer.spike_rate == pytest.approx(trace.spikes.mean())
        assert layer.silent == (trace.spikes.sum((0, 1)) == 0).mean()
        assert layer.clamped == pytest.approx(golden.saturates(entry, chip.formats, trace.sums).mean())
    assert measured.images == 300 and measured.wordless == 0 and measured.warnings() == []


@pytest.mark.parametrize("name", names())
def test_shipped_chips_warn_of_nothing(name, request):
    chip = load_chip(name)
    images = request.getfixturevalue("mnist").test_images if name.startswith("mnist") else PIXELS
    assert activity.measure(chip, images).warnings() == []


def test_thresholds_that_no_drive_reaches():
    chip = load_chip("digits")
    half = chip.layers[0].threshold_offsets.copy()
    half[: 3 * len(half) // 4] = chip.formats.drive_max
    mute = replace(chip, layers=(replace(chip.layers[0], threshold_offsets=half), chip.layers[1]))
    measured = activity.measure(mute, PIXELS)
    assert measured.layers[0].silent >= 0.75
    assert any(line.startswith("layer 0: ") and "never fire" in line for line in measured.warnings())
    mute = replace(
        chip,
        layers=(
            chip.layers[0],
            replace(
                chip.layers[1], threshold_offsets=np.full_like(chip.layers[1].threshold_offsets, chip.formats.drive_max)
            ),
        ),
    )
    measured = activity.measure(mute, PIXELS)
    assert measured.wordless == 1 and measured.layers[1].spike_rate == 0
    assert [line.split(":")[0] for line in measured.warnings()] == ["layer 1", "readout"]


def test_thresholds_that_every_drive_reaches():
    chip = load_chip("digits-tiny")
    low = np.full_like(chip.layers[0].threshold_offsets, -chip.formats.drive_max)
    measured = activity.measure(replace(chip, layers=(replace(chip.layers[0], threshold_offsets=low),)), PIXELS)
    assert measured.layers[0].always_on == 1
    assert "layer 0: 100 % of the neurons fire in all but every step" in measured.warnings()[0]


def test_drives_beyond_the_table():
    chip = load_chip("digits-tiny")
    layer = chip.layers[0]
    strong = replace(layer, shift=layer.shift - 4, offsets=layer.offsets >> 4)  # 16 times the drive
    measured = activity.measure(replace(chip, layers=(strong,)), PIXELS)
    assert measured.layers[0].clamped > 0.25
    assert any("lie outside the neuron table" in line for line in measured.warnings())


def test_pixels_that_never_spike():
    chip = load_chip("digits-tiny")
    deaf = replace(chip, encoder=replace(chip.encoder, steps=1, phase=0))
    measured = activity.measure(deaf, PIXELS)
    assert measured.dead_inputs == 1 and measured.warnings()[0] == (
        "encoder: 100 % of the pixels that are not black never spike; raise the encoder's steps or phase"
    )


def test_black_images_have_no_dead_inputs():
    chip = load_chip("digits-tiny")
    assert activity.measure(chip, np.zeros((3, 64), np.uint8)).dead_inputs == 0
