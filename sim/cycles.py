"""How many clock cycles the gates take, without simulating them: a recurrence over words of spikes.

Every beat of a stream moves as soon as its sender has it, its receiver is ready, and the beat before it has gone. When
that is follows from earlier beats only, so one pass over all words, each followed as deep into the core as it reaches,
gives every cycle (`docs/performance.md`, "Cycle model"). Latencies and queues are the blocks' own attributes.
"""

from dataclasses import dataclass
from functools import cached_property

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
class Activity:
    """What happens in a chip, whatever the size of its core."""

    spikes: tuple[np.ndarray, ...]  #: for each layer, (images, steps, rows) booleans that reach it
    decided: np.ndarray  #: (images,) time steps until the decision

    @property
    def images(self) -> int:
        return len(self.decided)

    @property
    def events(self) -> np.ndarray:
        """(layers,) row events an image, on average."""
        return np.array([spikes.sum() / self.images for spikes in self.spikes])


@dataclass(frozen=True)
class Cycles:
    """Cycles of images that follow each other without pause, as :class:`sim.rtl.compare.Verification` has them."""

    latency: np.ndarray  #: (images,) from an image's first pixel to its result
    interval: np.ndarray  #: (images - 1,) distances of results that follow each other
    #: cycles an image that each block is busy at least, by name, in the order of the core
    busy: dict[str, float]
    events: np.ndarray  #: (layers,) row events an image

    @cached_property
    def per_image(self) -> float:
        """Cycles an image: the mean distance of results; of a single image, its latency."""
        return float(self.interval.mean() if len(self.interval) else self.latency.mean())

    @property
    def bottleneck(self) -> str:
        """The block that is busy the longest."""
        return max(self.busy, key=lambda name: self.busy[name])


def activity(chip: Chip, pixels: np.ndarray) -> Activity:
    """Spikes of ``pixels``, (images, pixels) uint8, from the golden model."""
    golden.check_pixels(chip, pixels)
    parts: list[list[np.ndarray]] = [[] for _ in chip.layers]
    decided = []
    for start in range(0, len(pixels), BATCH):
        some = pixels[start : start + BATCH]
        answer = golden.run(chip, some, trace=True)
        first = np.stack([encode_step(chip.encoder, some, step) for step in range(chip.encoder.steps)], axis=1)
        for part, spikes in zip(parts, [first, *(trace.s for trace in answer.traces)], strict=False):
            part.append(spikes.astype(bool))
        decided.append(answer.steps)
    return Activity(tuple(np.concatenate(part) for part in parts), np.concatenate(decided))


def busy(chip: Chip, seen: Activity, options: CoreOptions) -> dict[str, float]:
    """Cycles an image that each block of a core needs by itself: the core needs as many as the busiest, or more."""
    steps = chip.encoder.steps
    needs = {"encoder": float(steps * -(-chip.pixels // options.pixel_lanes))}
    for number in range(len(chip.layers)):
        needs |= layer_busy(chip, seen, options, number)
    lanes = options.each("lanes", len(chip.layers))[-1]
    needs["readout"] = float(steps * -(-chip.classes // lanes) + _answer(chip))
    return needs


def layer_busy(chip: Chip, seen: Activity, options: CoreOptions, number: int) -> dict[str, float]:
    """The part of :func:`busy` that belongs to layer ``number``."""
    layers = len(chip.layers)
    layer, steps = chip.layers[number], chip.encoder.steps
    banks, lanes = options.each("row_banks", layers)[number], options.each("lanes", layers)
    width = (options.pixel_lanes, *lanes)[number]
    words = -(-layer.columns // lanes[number])
    counts = _bank_counts(seen.spikes[number], _bank_of(layer.rows, width, banks), layer.rows, banks)[:, :, 0]
    rows = np.maximum(counts.max(axis=2), 1).sum(axis=1).mean()
    return {
        f"crossbar {number}": max(float(rows), float(steps * (words + Crossbar.HAND_OVER))),
        f"neurons {number}": float(steps * max(words, Neurons.LATENCY)),
    }


def cycles(chip: Chip, seen: Activity, options: CoreOptions) -> Cycles:
    """What a core of ``options`` takes for the images of ``seen``, one behind the other, every sink always ready."""
    layers, steps = len(chip.layers), chip.encoder.steps
    banks, lanes = (np.array(options.each(name, layers)) for name in ("row_banks", "lanes"))
    widths = (options.pixel_lanes, *lanes[:-1])
    counts = [
        _bank_counts(spikes, _bank_of(layer.rows, width, bank), width, bank).ravel()
        for spikes, layer, width, bank in zip(seen.spikes, chip.layers, widths, banks, strict=True)
    ]
    columns = np.array(chip.sizes[1:])
    starts, results = _run(
        np.concatenate(counts),
        np.cumsum([0, *map(len, counts[:-1])]),
        seen.decided,
        steps,
        np.array([-(-chip.pixels // options.pixel_lanes), *-(-columns // lanes)]),
        banks,
        SpikeEncoder.latency(chip.encoder),
        np.array([EventSource.LATENCY, EventSource.QUEUE - EventSource.ROOM]),
        np.array([Crossbar.HAND_OVER, Crossbar.LATENCY, Crossbar.QUEUE]),
        np.array([Neurons.LATENCY, Neurons.QUEUE]),
        np.array([_answer(chip), Core.IN_FLIGHT]),
    )
    return Cycles(results - starts, np.diff(results), busy(chip, seen, options), seen.events)


def _answer(chip: Chip) -> int:
    """Cycles from the word that decides to the result."""
    return chip.classes + ClassReadout.LATENCY + Core.LATENCY


def _bank_of(rows: int, width: int, banks: int) -> np.ndarray:
    """(rows,) the bank of each row."""
    bank = np.empty(rows + 1, np.int64)
    places = bank_rows(rows, width, banks)
    bank[places] = np.arange(banks)[:, None]
    return bank[:rows]


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

    ``source``, ``crossbar``, ``neurons`` and ``answer`` are the blocks' latencies and queues, as :func:`cycles` has them.
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
