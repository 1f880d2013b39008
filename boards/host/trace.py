"""The trace of one inference: all numbers of all layers, put together from the replies to TRACE."""

import struct
from dataclasses import dataclass

import numpy as np

from captwin.hw.gates.options import LARGEST
from captwin.hw.link.protocol import TRACE_HEAD, size, trace_parts

#: neurons of a word, by the length of the reply that holds it
_LANES = {TRACE_HEAD + size(trace_parts(lanes)): lanes for lanes in range(1, LARGEST + 1)}


@dataclass(frozen=True)
class LayerTrace:
    """All numbers of a layer in one inference; each array is (steps, neurons) int64."""

    sums: np.ndarray  #: sums of charge codes, signed
    drives: np.ndarray  #: drive codes
    membranes: np.ndarray  #: membrane codes at the end of the step
    spikes: np.ndarray  #: 1 where the neuron spiked, else 0


class TraceReader:
    """Collects the words of a trace: ``columns`` are the neurons of each layer, ``steps`` the time steps."""

    def __init__(self, columns: tuple[int, ...], steps: int) -> None:
        self._columns = columns
        self._steps = steps
        self._next = 0
        self._words: list[list[np.ndarray]] = [[] for _ in columns]

    def add(self, body: bytes) -> bool:
        """Takes the body of the next reply; False if it is another. A repetition of the latest one is ignored."""
        if len(body) < TRACE_HEAD:
            return False
        number, layer = struct.unpack("<HB", body[:TRACE_HEAD])
        if number != self._next & 0xFFFF:
            return number == (self._next - 1) & 0xFFFF
        lanes = _LANES.get(len(body), 0)
        if not lanes or layer >= len(self._columns):
            return False
        words = self._words[layer]
        if len(words) == self._words_of(layer, lanes) or (words and words[0].shape[1] != lanes):
            return False
        mask = -(-lanes // 8)
        numbers = body[TRACE_HEAD:]
        spikes = np.unpackbits(np.frombuffer(numbers[:mask], np.uint8), bitorder="little")[:lanes]
        shorts = np.frombuffer(numbers[mask : mask + 4 * lanes], "<u2").reshape(2, lanes)
        sums = np.frombuffer(numbers[mask + 4 * lanes :], "<i4")
        words.append(np.stack([sums, shorts[1], shorts[0], spikes]).astype(np.int64))
        self._next += 1
        return True

    @property
    def count(self) -> int:
        """Words collected so far."""
        return self._next

    @property
    def complete(self) -> bool:
        """Whether all words of all layers and steps have come."""
        return all(
            words and len(words) == self._words_of(layer, words[0].shape[1]) for layer, words in enumerate(self._words)
        )

    def _words_of(self, layer: int, lanes: int) -> int:
        """How many words layer ``layer`` has in an inference."""
        return self._steps * -(-self._columns[layer] // lanes)

    def layers(self, columns: tuple[int, ...]) -> tuple[LayerTrace, ...]:
        """The trace of each layer, cut to its first ``columns`` neurons; the trace must be complete."""
        traces = []
        for words, count in zip(self._words, columns, strict=True):
            numbers = np.concatenate(words, axis=1).reshape(4, self._steps, -1)
            traces.append(LayerTrace(*numbers[:, :, :count]))
        return tuple(traces)
