"""Chips that are made as large as a device has room for give the same answers, or a reason why there is no room."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.boards.host.loading import contents, padded, requests
from captwin.hw.chip import GAIN_BITS, Chip
from captwin.hw.dither import Dither
from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.stores import Contents
from captwin.hw.link.about import Room
from captwin.hw.link.about import room_of as room_of_core
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from tests.support.chips import random_chip, random_pixels

few = settings(max_examples=40, deadline=None, print_blob=True)


def room_of(chip: Chip, options: CoreOptions = CoreOptions(loadable=True)) -> Room:  # noqa: B008 (frozen)
    return room_of_core(Core(chip, options))


def widened(room: Room, more: list[int], bits: int = 0, shift: int = 0) -> Room:
    """With as much more of everything that may be more."""
    sizes = tuple(size + extra for size, extra in zip(room.sizes, more, strict=True))
    formats = replace(room.formats, charge_bits=min(room.formats.charge_bits + bits, 10))
    return replace(room, sizes=sizes, formats=formats, shifts=tuple(s + shift for s in room.shifts))


@few
@given(
    seed=st.integers(0, 1 << 32),
    sizes=st.sampled_from([(7, 4, 3), (2, 4, 3), (7, 2, 3)]),  # with two rows too, as many as a bias pair has
    more=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    bits=st.integers(0, 2),
    shift=st.integers(-2, 2),
)
def test_a_padded_chip_answers_as_the_chip(
    seed: int, sizes: tuple[int, ...], more: list[int], bits: int, shift: int
) -> None:
    chip = random_chip(seed, sizes=sizes)
    if chip.encoder.padding_obstacle(sizes[0], sizes[0] + more[0]):
        more = [0, *more[1:]]
    if chip.dithered:
        more = [more[0], 0, 0]
    if any(not 1 <= layer.shift + shift <= 31 for layer in chip.layers):
        shift = 0
    # Gains that go with the other shift.
    if shift:
        limit = (1 << GAIN_BITS - 2) - 1
        layers = []
        for layer in chip.layers:
            offsets = np.sign(layer.offsets) * (abs(layer.offsets) >> 2 << 2)
            dither = layer.dither and Dither(layer.dither.seed, layer.dither.amplitude >> 2 << 2)
            layers.append(replace(layer, gains=layer.gains >> 2 << 2 & limit, offsets=offsets, dither=dither))
        chip = replace(chip, layers=tuple(layers))
    room = widened(room_of(chip), more, bits, shift)
    large = padded(chip, room)
    assert large.sizes == room.sizes
    pixels = random_pixels(seed, chip, 4)
    wide = np.pad(pixels, ((0, 0), (0, more[0])))
    expected = golden.run(chip, pixels)
    # The readout of a device leaves the added classes out.
    answers = golden.run(large, wide)
    if chip.readout == "most_spikes":
        np.testing.assert_array_equal(answers.counts[:, : chip.classes], expected.counts)
        np.testing.assert_array_equal(answers.membranes[:, : chip.classes], expected.membranes)
        assert not answers.counts[:, chip.classes :].any()
    assert (answers.steps == expected.steps).all()


@few
@given(width=st.integers(1, 200), words=st.integers(1, 60), longest=st.integers(57, 100), seed=st.integers(0, 1 << 32))
def test_requests_hold_all_words(width: int, words: int, longest: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = [int.from_bytes(rng.bytes(25), "little") & ((1 << width) - 1) for _ in range(words)]
    entry = Contents("x", width, numbers)
    found = []
    for body in requests(3, entry, longest):
        assert len(body) <= longest and body[:2] == b"\3\0" and body[4] == entry.word_bytes
        assert int.from_bytes(body[2:4], "little") == len(found)
        data = body[5:]
        found += [
            int.from_bytes(data[at : at + entry.word_bytes], "little") for at in range(0, len(data), entry.word_bytes)
        ]
    assert found == numbers


def test_what_does_not_fit() -> None:
    chip = random_chip(4, sizes=(7, 4, 3), by_outcome=True, dithered=True)
    other = next(kind for kind in ENCODERS if kind != chip.encoder.kind)
    room = room_of(chip)
    formats = asdict(room.formats)
    for small, reason in (
        (replace(room, sizes=(7, 3, 3)), "a 7-4-3 chip does not fit a device of 7-3-3"),
        (
            replace(room, sizes=(7, 4), shifts=(4,), row_banks=(1,), lanes=(1,)),
            "a 7-4-3 chip does not fit a device of 7-4;",
        ),
        (replace(room, steps=chip.encoder.steps - 1), r"time steps, the device \d+ at most"),
        (replace(room, encoder=other), f"the device's `{other}`"),
        (replace(room, formats=replace(room.formats, charge_bits=formats["charge_bits"] - 1)), "charge codes have"),
        (replace(room, formats=replace(room.formats, drive_fraction=formats["drive_fraction"] - 1)), "drive_fraction"),
        (replace(room, shifts=(31, 31)), "the gains of layer 0 go with a shift of"),
        (replace(room, surfaces=2), "neuron tables have 4 surfaces, those of the device 2"),
        (replace(room, dither=False), "the chip has dither, the device has no gates for it"),
        (replace(room, sizes=(7, 4, 5)), "the neurons of a 7-4-3 chip get other numbers on a device of 7-4-5"),
        (replace(room, tables=1), "layers have 2 neuron tables, the device 1"),
        (replace(room, stores="0" * 16), "another version of Captwin"),
    ):
        with pytest.raises(CaptwinError, match=reason) as caught:
            contents(chip, small)
        assert "build" in str(caught.value) and "\n" not in str(caught.value)


def test_a_chip_without_dither_runs_on_gates_that_have_it() -> None:
    chip = random_chip(4, sizes=(7, 4, 3), dithered=False)
    large = padded(chip, replace(room_of(chip), dither=True))
    assert large.dithered
    pixels = random_pixels(4, chip, 4)
    np.testing.assert_array_equal(golden.run(large, pixels).membranes, golden.run(chip, pixels).membranes)
