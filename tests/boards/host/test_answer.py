"""Answers are read from bodies of the right length, for classes that the chip has."""

import struct

import pytest

from captwin.boards.host.answer import Answer, Counters

#: pixels, neurons of a hidden layer, classes: of the line, which is wider than the chip by one class
LINE_SIZES, CLASSES = (5, 4, 3), 2
COUNTERS = struct.pack("<7I", *range(10, 17))


def body(label: int) -> bytes:
    return struct.pack("<BBI3B3H", label, 6, 100_000, 7, 8, 9, 1000, 2000, 3000) + COUNTERS


def test_the_classes_of_the_chip() -> None:
    counters = Counters(cycles=10, events=(11, 12), spikes=(13, 14), saturated=(15, 16))
    assert Counters.read(COUNTERS, 2) == counters
    assert Answer.read(body(1), CLASSES, LINE_SIZES) == Answer(
        label=1, steps=6, cycles=100_000, counts=(7, 8), membranes=(1000, 2000), counters=counters
    )


def test_what_no_device_may_answer() -> None:
    with pytest.raises(ValueError, match="class 2 came, the chip has 2"):
        Answer.read(body(2), CLASSES, LINE_SIZES)
    with pytest.raises(ValueError, match="27 bytes came where 28 should have"):
        Answer.read(body(1)[:-1], CLASSES, LINE_SIZES)
    with pytest.raises(ValueError, match="8 bytes came where 15 should have"):
        Answer.read(body(1)[:8], CLASSES, LINE_SIZES)
