"""The scoreboard of a compiled core: compares whole arrays with the golden model, block by block."""

from collections import Counter

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.gates.core import COUNTER_BITS
from captwin.hw.support.progress import StepCounter
from captwin.sim import golden
from captwin.sim.rtl.scoreboard import TRACED, Divergence, expected_counters
from captwin.sim.rtl.twin import Twin
from captwin.sim.rtl.twin_output import TwinOutput

#: Where a divergence stands in the order of causes: its image, step, layer, neuron and signal.
Place = tuple[int, ...]
#: a step, layer or neuron after all others, for what comes after them
LATE = 1 << 32


class BlockScoreboard:
    """Compares all numbers of one program of ``twin`` with golden's for ``chip``.

    ``first`` is the number of the program's first image among those of all programs.
    """

    def __init__(self, twin: Twin, chip: Chip, first: int) -> None:
        self._sidecar, self._chip = twin.sidecar, chip
        self._dtypes = dict(zip(TRACED, (f"<i{twin.sum_bytes}", "<u2", "<u2", "u1"), strict=True))
        self._next = first  # number of the first image that has not come
        self._expected_counters: Counter[str] = Counter()
        self.divergences: list[tuple[Place, Divergence]] = []  #: the first of each array
        self.mismatches = 0
        self.counters: dict[str, int] = {}  #: the core's own, at the end
        self.labels: list[np.ndarray] = []  #: of each block: classes
        self.latencies: list[np.ndarray] = []  #: of each block: cycles from first pixel to result
        self.result_cycles: list[np.ndarray] = []  #: of each block: cycles in which results were taken

    def follow(self, output: TwinOutput, pixels: np.ndarray, steps: StepCounter) -> None:
        """Compares all of ``output``; ``pixels`` are the images that the program was given.

        ``steps`` counts the images that are compared. Raises :class:`CaptwinError` if the program ends early.
        """
        while images := output.number():
            self._take_block(output, pixels[:images])
            pixels = pixels[images:]
            steps.add(images)
        self._take_end(output)

    def note(self, divergence: Divergence, signal: int) -> None:
        """Keeps a divergence; ``signal`` is the place of its signal among those of the same neuron or result."""
        place = (divergence.step, divergence.layer, divergence.neuron)
        self.divergences.append(((divergence.image, *(LATE if n is None else n for n in place), signal), divergence))

    def _take_block(self, output: TwinOutput, pixels: np.ndarray) -> None:
        """The next block of numbers, of the images ``pixels``."""
        reference = golden.run(self._chip, pixels, trace=True)
        changes = self._sidecar.options.change_events
        self._expected_counters.update(expected_counters(self._chip, pixels, reference, change_events=changes))
        if self._sidecar.options.trace:
            for layer, trace in enumerate(reference.traces):
                self._take_trace(output, layer, trace)
        self._take_results(output, reference)
        self._next += len(pixels)

    def _take_trace(self, output: TwinOutput, layer: int, expected: golden.LayerTrace) -> None:
        images, steps, columns = expected.spikes.shape
        lanes = self._sidecar.trace_lanes[layer]
        words = -(-columns // lanes)
        numbers = {name: output.take(dtype, images, steps, columns) for name, dtype in self._dtypes.items()}
        last, cycles = output.take("u1", images, steps, words), output.take("<u4", images, steps, words)

        def note(place: Place, neuron: int | None, signal: str, numbers: tuple[int, int], order: int) -> None:
            image, step, word = place
            cycle = int(cycles[image, step, word])
            self.note(Divergence(self._next + image, step, layer, neuron, signal, *numbers, cycle), order)

        for order, name in enumerate(TRACED):
            if difference := self._compare(getattr(expected, name), numbers[name]):
                (image, step, neuron), values = difference
                note((image, step, neuron // lanes), neuron, name.removesuffix("s"), values, order)
        expected_last = np.broadcast_to(np.arange(words) == words - 1, last.shape).astype(np.uint8)
        if difference := self._compare(expected_last, last):
            place, values = difference
            note(place, None, "last", values, 0)

    def _take_results(self, output: TwinOutput, expected: golden.Inference) -> None:
        images, classes = expected.counts.shape
        label, steps, latency, seen_latency, cycles = (output.take("<i4", images) for _ in range(5))
        counts, membranes = (output.take("<i4", images, classes) for _ in range(2))
        answers = {
            "label": (expected.labels, label),
            "steps": (expected.steps, steps),
            "cycles": (seen_latency, latency),
            "result counts": (expected.counts, counts),
            "result membranes": (expected.membranes, membranes),
        }
        for order, (signal, arrays) in enumerate(answers.items()):
            if difference := self._compare(*arrays):
                (image, *rest), values = difference
                neuron = rest[0] if rest else None
                cycle = int(cycles[image])
                self.note(Divergence(self._next + image, None, None, neuron, signal, *values, cycle), order)
        self.labels.append(label)
        self.latencies.append(latency)
        self.result_cycles.append(cycles)

    def _take_end(self, output: TwinOutput) -> None:
        """What comes when all images have passed: beats too many, counters, build id."""
        beats = [output.number() for _ in range(len(self._chip.layers) + 1)]
        beats_cycle, cycles = output.number(), output.number()
        self.counters = {field.name: output.number() for field in self._sidecar.port("counters").fields}
        build_id = int(output.take("<u8", 1)[0])
        for layer, count in enumerate(beats[:-1]):
            self._check("words too many", 0, count, layer=layer, cycle=beats_cycle)
        self._check("results too many", 0, beats[-1], cycle=beats_cycle)
        self._expected_counters["cycles"] = cycles
        for name, value in self._expected_counters.items():
            self._check(f"counter {name}", value % (1 << COUNTER_BITS), self.counters[name], cycle=cycles)
        self._check("build_id", self._chip.build_id, build_id, cycle=cycles)

    def _compare(self, expected: np.ndarray, got: np.ndarray) -> tuple[Place, tuple[int, int]] | None:
        """Counts where two arrays differ; the first place, and the numbers expected and got there."""
        if np.array_equal(expected, got):
            return None
        different = expected != got
        self.mismatches += int(different.sum())
        place = tuple(int(n) for n in np.unravel_index(int(different.argmax()), different.shape))
        return place, (int(expected[place]), int(got[place]))

    def _check(self, signal: str, expected: int, got: int, *, cycle: int, layer: int | None = None) -> None:
        """A number at the end, which stands after all that belongs to an image."""
        if expected == got:
            return
        self.mismatches += 1
        step = None if layer is None else self._chip.encoder.steps
        image = self._next - 1
        divergence = Divergence(image, step, layer, None, signal, expected, got, cycle)
        self.divergences.append(((LATE, image, len(self.divergences)), divergence))
