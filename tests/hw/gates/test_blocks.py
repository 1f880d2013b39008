"""Every block of the gates, in Amaranth's simulator, against the golden model's own steps."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.lib import data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.events import EventSource, bank_rows
from captwin.hw.gates.neuron import Neurons, neuron_word
from captwin.hw.gates.readout import ClassReadout
from captwin.hw.gates.streams import Fork
from captwin.sim import golden
from captwin.sim.encode import encode
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_chip, random_encoder, random_formats, random_layer, random_pixels

SIZES = st.sampled_from([1, 2, 4, 8])
STALLS = st.sampled_from([0.0, 0.3, 0.7])
SEEDS = st.integers(0, 1 << 32)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)


def bits(layout: data.Layout, value: object) -> int:
    return data.Layout.cast(layout).const(value).as_value().value


def words(spikes: np.ndarray, width: int) -> list[dict[str, int]]:
    """Spikes (steps, rows) as spike words."""
    result = []
    for step in spikes:
        for start in range(0, len(step), width):
            mask = sum(int(spike) << n for n, spike in enumerate(step[start : start + width]))
            result.append({"spikes": mask, "last": int(start + width >= len(step))})
    return result


@few
@given(
    kind=st.sampled_from(list(ENCODERS)),
    lanes=SIZES,
    pixels=st.integers(1, 40),
    stall=STALLS,
    seed=SEEDS,
)
def test_encoder(kind: str, lanes: int, pixels: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    encoder = random_encoder(rng, kind, steps=int(rng.integers(1, 10)))
    images = rng.integers(0, 256, (3, pixels)).astype(np.uint8)
    block = SpikeEncoder(encoder, pixels, lanes)
    beats = [
        sum(int(code) << 8 * n for n, code in enumerate(image[start : start + lanes]))
        for image in images
        for start in range(0, pixels, lanes)
    ]
    spikes = np.concatenate(encode(encoder, images))
    expected = [bits(block.spikes.payload.shape(), word) for word in words(spikes, lanes)]
    assert exchange(block, {block.pixels: beats}, {block.spikes: number(len(expected))}, stall=stall, seed=seed) == [
        expected
    ]


@few
@given(width=SIZES, banks=SIZES, rows=st.integers(1, 40), rate=st.floats(0, 1), stall=STALLS, seed=SEEDS)
def test_events(width: int, banks: int, rows: int, rate: float, stall: float, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((5, rows)) < rate
    block, places = EventSource(rows, width, banks), bank_rows(rows, width, banks)
    sent = [bits(block.spikes.payload.shape(), word) for word in words(spikes, width)]
    shape = block.events[0].payload.shape()

    def complete(beats: list[int]) -> bool:
        return sum(shape.from_bits(beat).last for beat in beats) == len(spikes)

    outputs = dict.fromkeys(block.events, complete)
    received = exchange(block, {block.spikes: sent}, outputs, stall=stall, seed=seed)
    for bank, stream in enumerate(received):
        seen: list[list[int]] = [[]]
        for beat in (shape.from_bits(payload) for payload in stream):
            if beat.active:
                seen[-1].append(places[bank][beat.row])
            if beat.last:
                seen.append([])
        here = [row for row in places[bank] if row < rows]
        assert seen[:-1] == [[row for row in here if step[row]] for step in spikes], f"seed {seed}"


@few
@given(
    width=SIZES,
    banks=SIZES,
    lanes=SIZES,
    rows=st.integers(1, 30),
    columns=st.integers(1, 20),
    stall=STALLS,
    seed=SEEDS,
)
def test_crossbar(width: int, banks: int, lanes: int, rows: int, columns: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, rows, columns)
    spikes = rng.random((5, rows)) < rng.random()
    block, places = (
        Crossbar(layer.charges, formats, width=width, banks=banks, lanes=lanes),
        bank_rows(rows, width, banks),
    )
    shape = block.events[0].payload.shape()
    inputs = {}
    for bank, stream in enumerate(block.events):
        beats: list[int] = []
        for step in spikes:
            active = [place for place, row in enumerate(places[bank]) if row < rows and step[row]]
            for n, row in enumerate(active):
                beats.append(bits(shape, {"row": row, "active": 1, "last": n == len(active) - 1}))
            if not active:
                beats.append(bits(shape, {"row": 0, "active": 0, "last": 1}))
        inputs[stream] = beats
    sums = np.zeros((5, block.words * lanes), np.int64)
    sums[:, :columns] = golden.run_layer(layer, formats, spikes[None]).sums[0]
    expected = [bits(block.sums.payload.shape(), word.tolist()) for word in sums.reshape(-1, lanes)]
    assert exchange(block, inputs, {block.sums: number(len(expected))}, stall=stall, seed=seed) == [expected]


@few
@given(lanes=SIZES, columns=st.integers(1, 20), steps=st.integers(1, 6), stall=STALLS, seed=SEEDS)
def test_neurons(lanes: int, columns: int, steps: int, stall: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, int(rng.integers(1, 30)), columns)
    spikes = rng.random((2, steps, layer.rows)) < rng.random()  # two inferences, one after the other
    trace = golden.run_layer(layer, formats, spikes)
    block = Neurons(layer, formats, steps=steps, lanes=lanes)
    padded = np.zeros((2 * steps, block.words * lanes), np.int64)
    padded[:, :columns] = trace.sums.reshape(2 * steps, columns)
    sums = [bits(block.sums.payload.shape(), word.tolist()) for word in padded.reshape(-1, lanes)]
    (received,) = exchange(block, {block.sums: sums}, {block.results: number(len(sums))}, stall=stall, seed=seed)
    results = [block.results.payload.shape().from_bits(payload) for payload in received]
    assert [word.last for word in results] == [n % block.words == block.words - 1 for n in range(len(sums))]
    for name in ("sums", "drives", "membranes"):
        got = np.array([list(word[name]) for word in results]).reshape(2, steps, -1)[:, :, :columns]
        np.testing.assert_array_equal(got, getattr(trace, name), err_msg=f"seed {seed}: {name}")
    fired = np.array([[word.spikes >> lane & 1 for lane in range(lanes)] for word in results]).reshape(2, steps, -1)
    np.testing.assert_array_equal(fired[:, :, :columns], trace.spikes, err_msg=f"seed {seed}: spikes")
    assert not fired[:, :, columns:].any(), f"seed {seed}: a lane beyond the last neuron spikes"


@few
@given(
    kind=st.sampled_from(["most_spikes", "first_spike"]), lanes=SIZES, rate=st.floats(0, 0.6), stall=STALLS, seed=SEEDS
)
def test_readout(kind: str, lanes: int, rate: float, stall: float, seed: int) -> None:
    chip = random_chip(seed, readout=kind)
    rng = np.random.default_rng(seed)
    shape = (4, chip.encoder.steps, chip.classes)
    spikes = (rng.random(shape) < rate).astype(np.int64)
    membranes = rng.integers(0, 4, shape)  # few values, so that ties happen
    expected = golden.decide(chip, membranes, spikes)
    word_shape = neuron_word(chip.formats, lanes, 8)
    block = ClassReadout(
        chip.readout, chip.formats, classes=chip.classes, steps=chip.encoder.steps, word_shape=word_shape
    )
    sent = []
    for step_spikes, step_membranes in zip(
        spikes.reshape(-1, chip.classes), membranes.reshape(-1, chip.classes), strict=True
    ):
        for n, word in enumerate(words(step_spikes[None], lanes)):
            part = [int(v) for v in step_membranes[n * lanes : (n + 1) * lanes]]
            sent.append(bits(word_shape, word | {"membranes": part + [0] * (lanes - len(part))}))
    (received,) = exchange(block, {block.words: sent}, {block.answer: number(4)}, stall=stall, seed=seed)
    for n, payload in enumerate(received):
        answer = block.answer.payload.shape().from_bits(payload)
        assert answer.label == expected.labels[n], f"seed {seed}"
        assert answer.steps == expected.steps[n], f"seed {seed}"
        assert list(answer.counts) == list(expected.counts[n]), f"seed {seed}"
        assert list(answer.membranes) == list(expected.membranes[n]), f"seed {seed}"


@few
@given(copies=st.integers(1, 4), stall=STALLS, seed=SEEDS)
def test_fork(copies: int, stall: float, seed: int) -> None:
    sent = [int(n) for n in np.random.default_rng(seed).integers(0, 256, 20)]
    block = Fork(8, copies)
    outputs = dict.fromkeys(block.o, number(len(sent)))
    assert exchange(block, {block.i: sent}, outputs, stall=stall, seed=seed) == [sent] * copies


@settings(few, max_examples=5)
@given(seed=SEEDS, stall=STALLS, pixel_lanes=SIZES, banks=SIZES, lanes=SIZES)
def test_core(seed: int, stall: float, pixel_lanes: int, banks: int, lanes: int) -> None:
    chip = random_chip(seed)
    pixels = random_pixels(seed, chip, 3)
    expected = golden.run(chip, pixels)
    core = Core(chip, CoreOptions(pixel_lanes, banks, lanes))
    beats = [
        sum(int(code) << 8 * n for n, code in enumerate(image[start : start + pixel_lanes]))
        for image in pixels
        for start in range(0, chip.pixels, pixel_lanes)
    ]
    (received,) = exchange(core, {core.pixels: beats}, {core.result: number(3)}, stall=stall, seed=seed)
    for n, payload in enumerate(received):
        result = core.result.payload.shape().from_bits(payload)
        assert result.label == expected.labels[n], f"seed {seed}"
        assert result.steps == expected.steps[n], f"seed {seed}"
        assert list(result.counts) == list(expected.counts[n]), f"seed {seed}"
        assert list(result.membranes) == list(expected.membranes[n]), f"seed {seed}"


@pytest.mark.parametrize("options", [{"lanes": 3}, {"row_banks": 0}, {"pixel_lanes": 128}])
def test_options_are_powers_of_two(options: dict[str, int]) -> None:
    with pytest.raises(Exception, match="must be a power of two") as caught:
        CoreOptions(**options)
    assert "\n" not in str(caught.value)


def test_a_drive_at_the_threshold_fires() -> None:
    rng = np.random.default_rng(1)
    formats = random_formats(rng)
    layer = random_layer(rng, formats, 3, 4)
    nothing = {name: np.zeros_like(getattr(layer, name)) for name in ("gains", "offsets", "thresholds")}
    layer = replace(layer, threshold_offsets=np.array([-1, 0, 1, 0], np.int32), **nothing)
    block = Neurons(layer, formats, steps=1, lanes=4)
    (received,) = exchange(block, {block.sums: [0]}, {block.results: number(1)}, stall=0, seed=1)
    assert block.results.payload.shape().from_bits(received[0]).spikes == 0b1011
