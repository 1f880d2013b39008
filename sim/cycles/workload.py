"""How many clock cycles the gates take, without simulating them (`docs/performance.md`, "Cycle model").

Spikes are the golden model's; latencies and queues are the blocks' own attributes.
"""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.events import EventSource, bank_rows
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.readout import ClassReadout
from captwin.hw.gates.serial import SerialLayers
from captwin.sim import golden
from captwin.sim.cycles.real_time import real_time_busy, real_time_cycles
from captwin.sim.cycles.recurrence import Blocks, SerialBlocks, SerialWords, Words, run, run_serial
from captwin.sim.encode import changed, encode
from captwin.sim.jit import njit

#: images of which the golden model's trace is held at once
BATCH = 256


@dataclass(frozen=True)
class Cycles:
    """Cycles of images that follow each other without pause, as :class:`Verification` has them."""

    latency: np.ndarray  #: (images,) from an image's first pixel to its result
    interval: np.ndarray  #: (images - 1,) distances of results that follow each other

    @property
    def per_image(self) -> float:
        """Cycles an image: the mean distance of results; of a single image, its latency."""
        return float(self.interval.mean() if len(self.interval) else self.latency.mean())


class Workload:
    """Some images' spikes in a chip, whatever the size of its core; :meth:`cycles` is what a core takes for them."""

    def __init__(self, chip: Chip, pixels: np.ndarray) -> None:
        """Runs ``pixels``, (images, pixels) uint8, through the golden model, whose errors it raises."""
        golden.check_pixels(chip, pixels)
        self.chip = chip
        self.images = len(pixels)
        spikes: list[list[np.ndarray]] = [[] for _ in chip.layers]
        decided = []
        for start in range(0, len(pixels), BATCH):
            part = pixels[start : start + BATCH]
            answer = golden.run(chip, part, trace=True)
            encoded = encode(chip.encoder, part)
            inputs = [encoded, *(trace.spikes for trace in answer.traces[:-1])]
            for batches, batch in zip(spikes, inputs, strict=True):
                batches.append(batch.astype(bool))
            decided.append(answer.steps)
        self._spikes = [np.concatenate(batches) for batches in spikes]
        self._decided = np.concatenate(decided)
        self._counts: dict[tuple[int, int, int, bool], np.ndarray] = {}

    def events(self, *, change_events: bool = False) -> list[float]:
        """Row events an image that reach each layer: its spikes, or those that changed."""
        return [float(self._rows(n, change_events).sum() / self.images) for n in range(len(self._spikes))]

    def _rows(self, number: int, change_events: bool) -> np.ndarray:
        """(images, steps, rows) rows of layer ``number`` that have an event."""
        spikes = self._spikes[number]
        return changed(spikes) if change_events else spikes

    def cycles(self, options: CoreOptions) -> Cycles:
        """What a core of ``options`` takes for the images, one behind the other, with whoever takes results ready."""
        if options.real_time:
            first_pixels, results = real_time_cycles(self.chip, self.images, options)
        else:
            model = {"parallel": self._parallel_cycles, "serial": self._serial_cycles}[options.kind]
            first_pixels, results = model(options)
        return Cycles(results - first_pixels, np.diff(results))

    def _parallel_cycles(self, options: CoreOptions) -> tuple[np.ndarray, np.ndarray]:
        """(images,) cycles of the images' first pixels and of their results, with parallel layers."""
        chip = self.chip
        layers = len(chip.layers)
        banks, lanes = (np.array(options.each(name, layers)) for name in ("row_banks", "lanes"))
        widths = (options.pixel_lanes, *lanes[:-1])
        changes = options.change_events
        counts = [self._bank_counts(n, int(widths[n]), int(banks[n]), changes).ravel() for n in range(layers)]
        words = [-(-columns // lane) for columns, lane in zip(chip.sizes[1:], lanes, strict=True)]
        return run(
            Words(
                counts=np.concatenate(counts),
                offsets=np.cumsum([0, *map(len, counts[:-1])]),
                decided=self._decided,
                steps=chip.encoder.steps,
                words=np.array([-(-chip.pixels // options.pixel_lanes), *words]),
                banks=banks,
            ),
            Blocks(
                encoder_latency=SpikeEncoder.latency(chip.encoder, options.pixel_lanes),
                encoder_queue=SpikeEncoder.QUEUE,
                source_latency=EventSource.LATENCY,
                source_room=EventSource.QUEUE - EventSource.ROOM,
                crossbar_early=Crossbar.EARLY,
                crossbar_queue=Crossbar.QUEUE,
                neurons_latency=Neurons.latency(chip.layers[0]),
                neurons_queue=Neurons.QUEUE,
                answer=self._answer(),
                in_flight=layers_of(options).IN_FLIGHT,
            ),
            np.array([self._crossbar(n, int(lanes[n])) for n in range(layers)]),
        )

    def _serial_cycles(self, options: CoreOptions) -> tuple[np.ndarray, np.ndarray]:
        """(images,) cycles of the images' first pixels and of their results, with serial layers."""
        chip = self.chip
        return run_serial(
            SerialWords(
                events=np.stack([spikes.sum(axis=2, dtype=np.int64) for spikes in self._spikes], axis=2),
                counts=self._bank_counts(0, options.pixel_lanes, 1, False)[..., 0],
                decided=self._decided,
                sizes=np.array(chip.sizes),
                width=options.pixel_lanes,
            ),
            SerialBlocks(
                encoder_latency=SpikeEncoder.latency(chip.encoder, options.pixel_lanes),
                encoder_queue=SpikeEncoder.QUEUE,
                row=SerialLayers.ROW,
                update=SerialLayers.update(chip),
                clear=max(chip.sizes[1:]),
                answer=self._answer(),
                in_flight=layers_of(options).IN_FLIGHT,
            ),
        )

    def busy(self, options: CoreOptions) -> dict[str, float]:
        """Cycles an image that each block needs by itself, by name: a core needs as many as the busiest, or more."""
        if options.real_time:
            return real_time_busy(self.chip, options)
        lanes = options.each("lanes", len(self.chip.layers))[-1]
        encoder, readout = self.encoder_busy(options.pixel_lanes), self.readout_busy(lanes)
        return {"encoder": encoder} | self.layers_busy(options) | {"readout": readout}

    def layers_busy(self, options: CoreOptions) -> dict[str, float]:
        """The part of :meth:`busy` that belongs to the layers."""
        return {"parallel": self._parallel_busy, "serial": self._serial_busy}[options.kind](options)

    def _parallel_busy(self, options: CoreOptions) -> dict[str, float]:
        layers = len(self.chip.layers)
        banks, lanes = (options.each(name, layers) for name in ("row_banks", "lanes"))
        needs = {}
        for number in range(layers):
            width = (options.pixel_lanes, *lanes)[number]
            sizes = width, banks[number], lanes[number]
            needs[f"crossbar {number}"] = self.crossbar_busy(number, *sizes, change_events=options.change_events)
            needs[f"neurons {number}"] = self.neurons_busy(number, lanes[number])
        return needs

    def _serial_busy(self, options: CoreOptions) -> dict[str, float]:
        """Of all layers together: their rows, charges and neurons."""
        chip, width = self.chip, options.pixel_lanes
        rows = -(-chip.pixels // width) * width + sum(chip.sizes[1:-1])
        charges = sum(events * columns for events, columns in zip(self.events(), chip.sizes[1:], strict=True))
        neurons = sum(chip.sizes[1:])
        cycles = chip.encoder.steps * (rows * SerialLayers.ROW + neurons * (SerialLayers.update(chip) + 1)) + charges
        return {"layers": cycles}

    def encoder_busy(self, pixel_lanes: int) -> float:
        return float(self.chip.encoder.steps * -(-self.chip.pixels // pixel_lanes))

    def crossbar_busy(self, number: int, width: int, banks: int, lanes: int, *, change_events: bool = False) -> float:
        """Of layer ``number``, whose spikes come ``width`` a word: its busiest bank's events, or its words of sums."""
        rows = self._bank_counts(number, width, banks, change_events).sum(axis=2, dtype=np.int64).max(axis=2)
        words = -(-self.chip.layers[number].columns // lanes)
        leave_stage, _ = self._crossbar(number, lanes)
        handing = self.chip.encoder.steps * (leave_stage + 2 + max(0, words - Crossbar.EARLY))
        return float(max(np.maximum(rows, 1).sum() / self.images, handing))

    def neurons_busy(self, number: int, lanes: int) -> float:
        words = -(-self.chip.layers[number].columns // lanes)
        return float(self.chip.encoder.steps * max(words, Neurons.latency(self.chip.layers[number])))

    def readout_busy(self, lanes: int) -> float:
        return float(self.chip.encoder.steps * -(-self.chip.classes // lanes) + self._answer())

    def _crossbar(self, number: int, lanes: int) -> tuple[int, int]:
        """Of layer ``number``: when words leave after the hand-over, and how long they are on their way then."""
        columns = self.chip.layers[number].columns
        return Crossbar.leave_stage(columns, lanes), Crossbar.travel(columns, lanes)

    def _answer(self) -> int:
        """Cycles from the word that decides to the result."""
        return self.chip.classes + ClassReadout.LATENCY + Core.LATENCY

    def _bank_counts(self, number: int, width: int, banks: int, change_events: bool) -> np.ndarray:
        """(images, steps, words, banks) rows that each word of spikes brings to each bank of layer ``number``."""
        key = number, width, banks, change_events
        if key not in self._counts:
            rows = self.chip.layers[number].rows
            bank = np.empty(rows + 1, np.int64)
            bank[bank_rows(rows, width, banks)] = np.arange(banks)[:, None]
            self._counts[key] = _bank_counts(self._rows(number, change_events), bank, width, banks)
        return self._counts[key]


@njit(cache=True, nogil=True)
def _bank_counts(spikes: np.ndarray, bank: np.ndarray, width: int, banks: int) -> np.ndarray:
    """(images, steps, words, banks) rows that each word of ``width`` brings to each bank."""
    images, steps, rows = spikes.shape
    counts = np.zeros((images, steps, (rows + width - 1) // width, banks), np.int16)
    for image in range(images):
        for step in range(steps):
            for row in range(rows):
                if spikes[image, step, row]:
                    counts[image, step, row // width, bank[row]] += 1
    return counts
