"""Compares what the gates sent with the golden model, and tells where they first differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Sidecar
from captwin.sim.encode import changed, encode
from captwin.sim.golden import Inference, saturates

#: what is compared of each neuron and step: arrays of the golden trace, and fields of the gates'
TRACED = ("sums", "drives", "membranes", "spikes")
#: clock cycles without a beat on any stream after which gates hang, where they are never silent for good reason
PATIENCE = 20_000
#: clock cycles to wait for beats too many when all have come
SURPLUS = 100


def patience(sidecar: Sidecar) -> int:
    """Clock cycles without a beat on any stream after which the core of ``sidecar`` hangs."""
    # Without traces nothing is heard of an image until its answer.
    return PATIENCE + (0 if sidecar.options.trace else sidecar.silence)


def expected_counters(
    chip: Chip, images: np.ndarray, reference: Inference, *, change_events: bool = False
) -> dict[str, int]:
    """What the core must have counted: row events, spikes and clamped drives of each layer.

    ``reference`` is the golden model's inference of ``images``, (images, pixels) uint8, with traces. With
    ``change_events`` a row event is a spike that has changed.
    """
    arriving = encode(chip.encoder, images)
    counters = {}
    for number, (layer, trace) in enumerate(zip(chip.layers, reference.traces, strict=True)):
        counters[f"events[{number}]"] = int((changed(arriving) if change_events else arriving).sum())
        counters[f"spikes[{number}]"] = int(trace.spikes.sum())
        arriving = trace.spikes
        counters[f"saturated[{number}]"] = int(saturates(layer, chip.formats, trace.sums).sum())
    return counters


@dataclass(frozen=True)
class Divergence:
    """One number that differs. ``layer`` and ``neuron`` are None for the readout's own numbers."""

    image: int
    step: int | None
    layer: int | None
    neuron: int | None
    signal: str
    expected: int
    got: int
    cycle: int

    def __str__(self) -> str:
        place = [f"image {self.image}"]
        if self.step is not None:
            place += [f"step {self.step}", f"layer {self.layer}"]
        if self.neuron is not None:
            place.append(f"neuron {self.neuron}")
        return f"{', '.join(place)}: {self.signal} expected {self.expected}, got {self.got} (clock cycle {self.cycle})"


class Scoreboard:
    """Takes trace words and results in the order in which the gates send them; ``lanes`` of each layer a word.

    Without ``traced``, results are all that comes.
    """

    def __init__(self, golden: Inference, lanes: Sequence[int], *, traced: bool = True) -> None:
        self._golden = golden
        self._lanes = lanes
        self._traced = traced
        self._words = [0] * len(golden.traces)
        self.results = 0
        self.compared = dict.fromkeys(TRACED, 0)
        self.mismatches = 0
        self.first: Divergence | None = None

    @property
    def complete(self) -> bool:
        """Whether every word of every layer and every result has come."""
        images, steps = self._golden.traces[0].spikes.shape[:2]
        words = enumerate(self._words) if self._traced else ()
        return self.results >= images and all(
            seen >= images * steps * self._words_per_step(layer) for layer, seen in words
        )

    def take_word(self, layer: int, word: Mapping[str, int], cycle: int) -> bool:
        """One beat of the trace stream of ``layer``; whether it is not one too many."""
        trace = self._golden.traces[layer]
        images, steps, columns = trace.spikes.shape
        time, part = divmod(self._words[layer], self._words_per_step(layer))
        image, step = divmod(time, steps)
        self._words[layer] += 1
        if image >= images:
            self._check(images - 1, steps, layer, None, "words too many", 0, 1, cycle)
            return False
        last = part == self._words_per_step(layer) - 1
        self._check(image, step, layer, None, "last", int(last), word["last"], cycle)
        for lane in range(min(self._lanes[layer], columns - part * self._lanes[layer])):
            neuron = part * self._lanes[layer] + lane
            for name in TRACED:
                got = word["spikes"] >> lane & 1 if name == "spikes" else word[f"{name}[{lane}]"]
                expected = int(getattr(trace, name)[image, step, neuron])
                self._check(image, step, layer, neuron, name.removesuffix("s"), expected, got, cycle)
                self.compared[name] += 1
        return True

    def take_result(self, result: Mapping[str, int], cycle: int, expected_cycles: int) -> bool:
        """One beat of the result stream, and whether it is not one too many; ``expected_cycles`` is the latency that
        the testbench saw."""
        image = self.results
        self.results += 1
        if image >= len(self._golden.labels):
            self._check(len(self._golden.labels) - 1, None, None, None, "results too many", 0, 1, cycle)
            return False
        self._check(image, None, None, None, "label", int(self._golden.labels[image]), result["label"], cycle)
        self._check(image, None, None, None, "steps", int(self._golden.steps[image]), result["steps"], cycle)
        self._check(image, None, None, None, "cycles", expected_cycles, result["cycles"], cycle)
        for name, table in (("counts", self._golden.counts), ("membranes", self._golden.membranes)):
            for neuron, expected in enumerate(table[image]):
                got = result[f"{name}[{neuron}]"]
                self._check(image, None, None, neuron, f"result {name}", int(expected), got, cycle)
        return True

    def take_counters(self, got: Mapping[str, int], expected: Mapping[str, int], cycle: int) -> None:
        """The core's counters at the end; other ones than ``expected`` names are not looked at."""
        for name, value in expected.items():
            self._check(len(self._golden.labels) - 1, None, None, None, f"counter {name}", value, got[name], cycle)

    def take_build_id(self, got: int, expected: int, cycle: int) -> None:
        """The core's build id."""
        self._check(len(self._golden.labels) - 1, None, None, None, "build_id", expected, got, cycle)

    def _words_per_step(self, layer: int) -> int:
        return -(-self._golden.traces[layer].spikes.shape[2] // self._lanes[layer])

    def _check(
        self,
        image: int,
        step: int | None,
        layer: int | None,
        neuron: int | None,
        signal: str,
        expected: int,
        got: int,
        cycle: int,
    ) -> None:
        if expected == got:
            return
        self.mismatches += 1
        if self.first is None:
            self.first = Divergence(image, step, layer, neuron, signal, expected, got, cycle)
