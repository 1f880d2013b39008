"""The readout's decisions against the golden model's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captwin.hw.gates.neuron import neuron_word
from captwin.hw.gates.readout import ClassReadout
from captwin.sim import golden
from tests.hw.gates.drawn import SEEDS, SIZES, STALLS, bits, few, words
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_chip


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
