"""How many clock cycles the gates take, without simulating them: a recurrence over words of spikes.

Every beat of a stream moves as soon as its sender has it, its receiver is ready, and the beat before it has gone. When
that is follows from earlier beats only, so one pass over all words, each followed as deep into the core as it reaches,
gives every cycle (`docs/performance.md`, "Cycle model"). Latencies and queues are the blocks' own attributes.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.crossbar import Crossbar
from hw.encoder import SpikeEncoder
from hw.events import EventSource, bank_rows
from hw.neuron import Neurons
from hw.readout import ClassReadout
from sim import golden
from sim.encode import encode_step

#: images of which the golden model's trace is held at once
BATCH = 256
#: a cycle before all others
NEVER = -(1 << 40)


@dataclass(frozen=True)
class Cycles:
    """Cycles of images that follow each other without pause, as :class:`sim.rtl.compare.Verification` has them."""

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
            some = pixels[start : start + BATCH]
            answer = golden.run(chip, some, trace=True)
            encoded = np.stack([encode_step(chip.encoder, some, step) for step in range(chip.encoder.steps)], axis=1)
            for parts, part in zip(spikes, [encoded, *(trace.s for trace in answer.traces)], strict=False):
                parts.append(part.astype(bool))
            decided.append(answer.steps)
        self._spikes = [np.concatenate(parts) for parts in spikes]
        self._decided = np.concatenate(decided)
        self._counts: dict[tuple[int, int, int], np.ndarray] = {}

    def events(self) -> list[float]:
        """Row events an image that reach each layer."""
        return [float(spikes.sum() / self.images) for spikes in self._spikes]

    def cycles(self, options: CoreOptions) -> Cycles:
        """What a core of ``options`` takes for the images, one behind the other, with whoever takes results ready."""
        chip = self.chip
        layers = len(chip.layers)
        banks, lanes = (np.array(options.each(name, layers)) for name in ("row_banks", "lanes"))
        widths = (options.pixel_lanes, *lanes[:-1])
        counts = [self._bank_counts(n, int(widths[n]), int(banks[n])).ravel() for n in range(layers)]
        words = [-(-columns // lane) for columns, lane in zip(chip.sizes[1:], lanes, strict=True)]
        starts, results = _run(
            np.concatenate(counts),
            np.cumsum([0, *map(len, counts[:-1])]),
            self._decided,
            chip.encoder.steps,
            np.array([-(-chip.pixels // options.pixel_lanes), *words]),
            banks,
            SpikeEncoder.latency(chip.encoder),
            np.array([EventSource.LATENCY, EventSource.QUEUE - EventSource.ROOM]),
            np.array([Crossbar.HAND_OVER, Crossbar.LATENCY, Crossbar.QUEUE]),
            np.array([Neurons.LATENCY, Neurons.QUEUE]),
            np.array([self._answer(), Core.IN_FLIGHT]),
        )
        return Cycles(results - starts, np.diff(results))

    def busy(self, options: CoreOptions) -> dict[str, float]:
        """Cycles an image that each block needs by itself, by name: a core needs as many as the busiest, or more."""
        layers = len(self.chip.layers)
        banks, lanes = (options.each(name, layers) for name in ("row_banks", "lanes"))
        needs = {"encoder": self.encoder_busy(options.pixel_lanes)}
        for number in range(layers):
            width = (options.pixel_lanes, *lanes)[number]
            needs[f"crossbar {number}"] = self.crossbar_busy(number, width, banks[number], lanes[number])
            needs[f"neurons {number}"] = self.neurons_busy(number, lanes[number])
        return needs | {"readout": self.readout_busy(lanes[-1])}

    def encoder_busy(self, pixel_lanes: int) -> float:
        return float(self.chip.encoder.steps * -(-self.chip.pixels // pixel_lanes))

    def crossbar_busy(self, number: int, width: int, banks: int, lanes: int) -> float:
        """Of layer ``number``, whose spikes come ``width`` a word: its busiest bank's events, or its words of sums."""
        rows = self._bank_counts(number, width, banks).sum(axis=2, dtype=np.int64).max(axis=2)
        words = -(-self.chip.layers[number].columns // lanes)
        handing = self.chip.encoder.steps * (words + Crossbar.HAND_OVER)
        return float(max(np.maximum(rows, 1).sum() / self.images, handing))

    def neurons_busy(self, number: int, lanes: int) -> float:
        words = -(-self.chip.layers[number].columns // lanes)
        return float(self.chip.encoder.steps * max(words, Neurons.LATENCY))

    def readout_busy(self, lanes: int) -> float:
        return float(self.chip.encoder.steps * -(-self.chip.classes // lanes) + self._answer())

    def _answer(self) -> int:
        """Cycles from the word that decides to the result."""
        return self.chip.classes + ClassReadout.LATENCY + Core.LATENCY

    def _bank_counts(self, number: int, width: int, banks: int) -> np.ndarray:
        """(images, steps, words, banks) rows that each word of spikes brings to each bank of layer ``number``."""
        key = number, width, banks
        if key not in self._counts:
            rows = self.chip.layers[number].rows
            bank = np.empty(rows + 1, np.int64)
            bank[bank_rows(rows, width, banks)] = np.arange(banks)[:, None]
            self._counts[key] = _bank_counts(self._spikes[number], bank, width, banks)
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


@njit(cache=True, nogil=True)
def _push(
    layer: int, bank: int, cycle: int, rows: int, latency: int, opened: int, done: np.ndarray, queue: np.ndarray
) -> None:
    """A word with ``rows`` goes into the queue of a bank: when it leaves it, and when its last event is taken.

    ``queue`` is (layers, banks, 2, places): of each entry, in a ring, the cycles in which it came and went; the last
    place counts them.
    """
    gone = max(cycle + latency - 1, done[layer, bank])  # once the entry before has sent its last event
    ring = queue.shape[3] - 1
    number = queue[layer, bank, 0, ring]
    queue[layer, bank, 0, number % ring] = cycle
    queue[layer, bank, 1, number % ring] = gone
    queue[layer, bank, 0, ring] = number + 1
    done[layer, bank] = max(gone + 1, opened) + max(rows, 1) - 1


@njit(cache=True, nogil=True)
def _accept(layer: int, banks: int, offered: int, room: int, queue: np.ndarray) -> int:
    """The first cycle from ``offered`` on in which every bank had room the cycle before."""
    ring = queue.shape[3] - 1
    cycle = offered
    waiting = True
    while waiting:
        waiting = False
        for bank in range(banks):
            seen = queue[layer, bank, 0, ring]
            while seen > 0 and queue[layer, bank, 0, (seen - 1) % ring] >= cycle - 1:
                seen -= 1
            if seen > room and queue[layer, bank, 1, (seen - room - 1) % ring] >= cycle - 1:
                cycle = queue[layer, bank, 1, (seen - room - 1) % ring] + 2
                waiting = True
    return cycle


@njit(cache=True, nogil=True)
def _cycle_of(tick: int, ticks: np.ndarray, sent: int) -> int:
    """The cycle of a tick of the encoder, one of those since its latest words but some left."""
    ring = len(ticks)
    word = sent - ring
    while word < sent - 1 and ticks[(word + 1) % ring, 0] <= tick:
        word += 1
    return ticks[word % ring, 1] + tick - ticks[word % ring, 0]


@njit(cache=True, nogil=True)
def _run(
    counts: np.ndarray,
    offsets: np.ndarray,
    decided: np.ndarray,
    steps: int,
    words: np.ndarray,
    banks: np.ndarray,
    encoder_latency: int,
    source: np.ndarray,
    crossbar: np.ndarray,
    neurons: np.ndarray,
    answer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of first pixels and of results. ``words``: of a step, those of the encoder and each layer.

    ``source``, ``crossbar``, ``neurons`` and ``answer`` are the blocks' latencies and queues, as
    :meth:`Workload.cycles` has them.
    """
    images, layers = len(decided), len(banks)
    first_pixel, result = np.empty(images, np.int64), np.empty(images, np.int64)

    # The encoder is a rigid pipeline: its ticks are the cycles in which its output does not wait. Of the latest words,
    # in a ring: the tick in which each left and its cycle.
    depth = encoder_latency - 1
    ticks = np.zeros((depth + 1, 2), np.int64)
    sent = 0
    fetched = 0  # tick of the latest fetch
    loaded = 0  # cycle of the latest image's last pixels
    freed = np.zeros(2, np.int64)  # cycle in which the last word of each page was fetched

    ring = 4 * (source[1] + 1)
    queue = np.full((layers, banks.max(), 2, ring + 1), NEVER)
    queue[:, :, 0, ring] = 0
    done = np.full((layers, banks.max()), NEVER)  # last event of all that is in the queue
    held = np.zeros((layers, banks.max()), np.int64)  # rows of the word that waits for the step's next
    accepted = np.full(layers, NEVER)
    taken = np.zeros(layers, np.int64)  # words
    opened = np.full(layers, NEVER)  # first cycle in which events of the step under way are taken

    # Sums that leave the crossbar, by number in rings: the cycle each enters the neurons, and its results leave them.
    places = max(words.max(), neurons[1], crossbar[2]) + 1
    entered = np.full((layers, places), NEVER)
    departed = np.full((layers, places), NEVER)
    issued = np.full(layers, NEVER)
    given = np.zeros(layers, np.int64)
    left = np.zeros(layers, np.int64)  # words still to leave of the step that was handed over
    watching = NEVER  # first cycle in which the readout takes words

    for image in range(images):
        start = max(loaded, freed[image % 2]) + 1
        if image >= answer[1]:
            start = max(start, result[image - answer[1]] + 1)
        first_pixel[image] = start
        if words[0] > 1 and image + 1 >= answer[1]:
            start = max(start, result[image + 1 - answer[1]])
        loaded = start + words[0] - 1

        for step in range(steps):
            for word in range(words[0]):
                fetched += 1
                if step == 0 and word == 0:
                    while _cycle_of(fetched, ticks, sent) <= loaded:
                        fetched += 1
                layer, number = 0, word
                latest = (sent - 1) % (depth + 1)
                offered = ticks[latest, 1] + fetched + depth - ticks[latest, 0]

                # Follow the word as deep as it reaches: the last word of a step makes a layer give words itself.
                while layer >= 0:
                    cycle = _accept(layer, banks[layer], max(offered, accepted[layer] + 1), source[1], queue)
                    accepted[layer] = cycle
                    last = number == words[layer] - 1
                    at = offsets[layer] + taken[layer] * banks[layer]
                    taken[layer] += 1
                    for bank in range(banks[layer]):
                        rows = counts[at + bank]
                        if held[layer, bank] and (rows or last):
                            _push(layer, bank, cycle, held[layer, bank], source[0], opened[layer], done, queue)
                            held[layer, bank] = 0
                        elif last and not rows:
                            _push(layer, bank, cycle + 1, 0, source[0], opened[layer], done, queue)
                        if last and rows:
                            _push(layer, bank, cycle + 1, rows, source[0], opened[layer], done, queue)
                        elif rows:
                            held[layer, bank] = rows
                    if layer == 0:
                        ticks[sent % (depth + 1), 0], ticks[sent % (depth + 1), 1] = fetched + depth, cycle
                        sent += 1
                    else:
                        departed[layer - 1, (given[layer - 1] - 1) % places] = cycle
                    if last:
                        # Handed over when every bank has ended the step and the sums before have begun to shift out.
                        over = max(issued[layer] + 1, done[layer, : banks[layer]].max())
                        opened[layer] = over + 1
                        issued[layer] = over + crossbar[0] - 1
                        left[layer] = words[layer + 1]

                    while layer >= 0:
                        if not left[layer]:
                            layer -= 1
                            continue
                        n = given[layer]
                        given[layer] += 1
                        left[layer] -= 1
                        number = words[layer + 1] - 1 - left[layer]
                        issued[layer] = max(issued[layer], entered[layer, (n - crossbar[2]) % places]) + 1
                        enter = max(issued[layer] + crossbar[1] - crossbar[0], entered[layer, (n - 1) % places] + 1)
                        enter = max(enter, entered[layer, (n - words[layer + 1]) % places] + neurons[0])
                        enter = max(enter, departed[layer, (n - neurons[1]) % places] + 1)
                        entered[layer, n % places] = enter
                        offered = max(enter + neurons[0] + 1, departed[layer, (n - 1) % places] + 1)
                        if layer + 1 < layers:
                            layer += 1
                            break
                        cycle = max(offered, watching)
                        departed[layer, n % places] = cycle
                        watching = cycle + 1
                        if not left[layer] and n // words[layers] % steps == decided[image] - 1:
                            result[image] = cycle + answer[0]
                            watching = result[image] + 1
        freed[image % 2] = _cycle_of(fetched, ticks, sent)
    return first_pixel, result
