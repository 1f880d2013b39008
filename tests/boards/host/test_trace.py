"""Traces put together from the words that a device sends."""

import struct

import numpy as np
import pytest

from captwin.boards.host.trace import TraceReader
from captwin.hw.link.protocol import size, trace_parts

COLUMNS, LANES, STEPS = (5, 2), (4, 1), 3


def drawn(seed: int) -> list[np.ndarray]:
    """(sums, drives, membranes, spikes) of each layer, (4, steps, columns)."""
    rng = np.random.default_rng(seed)
    return [
        np.stack(
            [
                rng.integers(-(1 << 20), 1 << 20, (STEPS, columns)),
                rng.integers(0, 1 << 12, (STEPS, columns)),
                rng.integers(0, 1 << 16, (STEPS, columns)),
                rng.integers(0, 2, (STEPS, columns)),
            ]
        )
        for columns in COLUMNS
    ]


def bodies(numbers: list[np.ndarray]) -> list[bytes]:
    """What a device would send, layer by layer within each step; lanes without a neuron hold anything."""
    found = []
    for step in range(STEPS):
        for layer, (layer_numbers, lanes) in enumerate(zip(numbers, LANES, strict=True)):
            for start in range(0, COLUMNS[layer], lanes):
                some = layer_numbers[:, step, start : start + lanes]
                sums, drives, membranes, spikes = np.pad(some, ((0, 0), (0, lanes - some.shape[1])), constant_values=1)
                mask = sum(int(spike) << n for n, spike in enumerate(spikes))
                body = struct.pack("<HBB", len(found), layer, mask)
                body += struct.pack(f"<{lanes}H{lanes}H{lanes}i", *membranes, *drives, *sums)
                assert len(body) == 3 + size(trace_parts(lanes))
                found.append(body)
    return found


def test_all_words() -> None:
    numbers, reader = drawn(1), TraceReader(COLUMNS, STEPS)
    for body in bodies(numbers):
        assert not reader.complete
        assert reader.add(body)
        assert reader.add(body), "a word that comes twice counts once"
    assert reader.complete
    for layer, expected, columns in zip(reader.layers(COLUMNS), numbers, COLUMNS, strict=True):
        for got, wanted in zip(vars(layer).values(), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
        assert layer.spikes.shape == (STEPS, columns)
    assert [layer.sums.shape for layer in reader.layers((3, 2))] == [(STEPS, 3), (STEPS, 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda body: b"",
        lambda body: body[:-1],
        lambda body: body[:2] + b"\2" + body[3:],  # a layer that there is not
        lambda body: b"\5" + body[1:],  # words are missing
    ],
)
def test_what_is_no_next_word(wrong) -> None:
    reader = TraceReader(COLUMNS, STEPS)
    first, second, *_ = bodies(drawn(2))
    assert reader.add(first) and not reader.add(wrong(second)) and not reader.complete
