"""Answers and counters, read from the bodies of replies."""

from dataclasses import dataclass

from captwin.hw.link.protocol import answer_parts, counters_parts, size, unpack


@dataclass(frozen=True)
class Counters:
    """What a device has counted since it was reset; tuples have a number for each layer. All wrap around at 2^32."""

    cycles: int  #: clock cycles
    events: tuple[int, ...]  #: row events
    spikes: tuple[int, ...]  #: spikes of the layer's neurons
    saturated: tuple[int, ...]  #: drives that were clamped to their range

    @classmethod
    def read(cls, body: bytes, layers: int) -> "Counters":
        """From ``body``; ValueError if it is of another length."""
        numbers = unpack(counters_parts(layers), body)
        return cls(numbers["cycles"][0], numbers["events"], numbers["spikes"], numbers["saturated"])


@dataclass(frozen=True)
class Answer:
    """What a device makes of an image."""

    label: int  #: the class
    steps: int  #: time steps until the decision
    cycles: int  #: clock cycles from the first pixel to the result
    counts: tuple[int, ...]  #: output spikes of each class until the decision
    membranes: tuple[int, ...]  #: membrane code of each class at the decision
    counters: Counters  #: as the answer was sent

    @classmethod
    def read(cls, body: bytes, classes: int, line_sizes: tuple[int, ...]) -> "Answer":
        """From ``body``, of which the first ``classes`` of ``line_sizes[-1]`` classes count.

        ValueError if it is of another length, or names a class that the chip does not have.
        """
        parts = answer_parts(line_sizes[-1])
        length = size(parts)
        numbers = unpack(parts, body[:length])
        if numbers["label"][0] >= classes:
            raise ValueError(f"class {numbers['label'][0]} came, the chip has {classes}")
        return cls(
            label=numbers["label"][0],
            steps=numbers["steps"][0],
            cycles=numbers["cycles"][0],
            counts=numbers["counts"][:classes],
            membranes=numbers["membranes"][:classes],
            counters=Counters.read(body[length:], len(line_sizes) - 1),
        )
