"""The recurrence behind the cycle model: in which cycle every word of spikes moves.

Every beat of a stream moves as soon as its sender has it, its receiver is ready, and the beat before it has gone. When
that is follows from earlier beats only, so one pass over all words, each followed as deep into the core as it reaches,
gives every cycle (`docs/performance.md`, "Cycle model").
"""

from typing import NamedTuple

import numpy as np

from captwin.sim.jit import njit

#: a cycle before all others
NEVER = -(1 << 40)


class Words(NamedTuple):
    """The words of spikes that pass through a core with parallel layers. Of a step, ``words`` come from the encoder,
    then from each layer."""

    counts: np.ndarray  #: rows that each word brings to each bank: layers, images, steps, words, banks, flat
    offsets: np.ndarray  #: (layers,) where each layer's counts begin
    decided: np.ndarray  #: (images,) time steps until the decision
    steps: int  #: of an image
    words: np.ndarray  #: (layers + 1,)
    banks: np.ndarray  #: (layers,)


class Blocks(NamedTuple):
    """Latencies of the blocks of such a core in cycles, and their queues in words."""

    encoder_latency: int
    encoder_queue: int
    source_latency: int
    source_room: int  #: entries that each bank's queue may hold when a word is accepted
    crossbar_early: int  #: words of a step that may still have to leave when the next step is handed over
    crossbar_queue: int
    neurons_latency: int
    neurons_queue: int
    answer: int  #: from the word that decides to the result
    in_flight: int  #: images in the core at once


class SerialWords(NamedTuple):
    """What passes through a core with serial layers."""

    events: np.ndarray  #: (images, steps, layers) rows that spike
    counts: np.ndarray  #: (images, steps, words) of them, those of each of the encoder's words
    decided: np.ndarray  #: (images,) time steps until the decision
    sizes: np.ndarray  #: (layers + 1,) of the chip
    width: int  #: rows of an encoder's word


class SerialBlocks(NamedTuple):
    """Latencies of the blocks of such a core in cycles, and their queues in words."""

    encoder_latency: int
    encoder_queue: int
    row: int  #: for a row without a spike
    update: int  #: for a neuron, before its word is offered
    clear: int  #: after reset, until the sums are cleared
    answer: int  #: from the word that decides to the result
    in_flight: int  #: images in the core at once


@njit(cache=True, nogil=True)
def _push(
    layer: int, bank: int, cycle: int, rows: int, latency: int, opened: int, events: np.ndarray, queue: np.ndarray
) -> None:
    """A word with ``rows`` goes into the queue of a bank: when it leaves it, and when its last event is taken.

    ``queue`` is (layers, banks, 2, places): of each entry, in a ring, the cycles in which it came and went; the last
    place counts them. ``events`` is (layers, banks, 2): of the bank's latest event, the cycles in which it moved into
    the register that offers it, and in which it was taken.
    """
    moved, taken = events[layer, bank]
    gone = max(cycle + latency - 2, moved)  # once the entry before has sent its last event on its way
    ring = queue.shape[3] - 1
    number = queue[layer, bank, 0, ring]
    queue[layer, bank, 0, number % ring] = cycle
    queue[layer, bank, 1, number % ring] = gone
    queue[layer, bank, 0, ring] = number + 1
    moved = max(gone + 1, taken)
    taken = max(moved + 1, opened)
    if rows > 1:
        taken += rows - 1
        moved = taken - 1
    events[layer, bank, 0], events[layer, bank, 1] = moved, taken


@njit(cache=True, nogil=True)
def _with_room(offered: int, came: np.ndarray, went: np.ndarray, number: int, room: int) -> int:
    """The first cycle from ``offered`` on in which a queue had held no more than ``room`` the cycle before.

    ``came`` and ``went`` are, in rings, the cycles in which entries up to ``number`` did.
    """
    ring = len(came)
    cycle = offered
    while True:
        seen = number
        while seen > 0 and came[(seen - 1) % ring] >= cycle - 1:
            seen -= 1
        if seen <= room or went[(seen - room - 1) % ring] < cycle - 1:
            return cycle
        cycle = went[(seen - room - 1) % ring] + 2


@njit(cache=True, nogil=True)
def _accept(layer: int, banks: int, offered: int, room: int, queue: np.ndarray) -> int:
    """The first cycle from ``offered`` on in which every bank had room the cycle before."""
    ring = queue.shape[3] - 1
    cycle = offered
    waiting = True
    while waiting:
        waiting = False
        for bank in range(banks):
            came, went, number = queue[layer, bank, 0, :ring], queue[layer, bank, 1, :ring], queue[layer, bank, 0, ring]
            later = _with_room(cycle, came, went, number, room)
            waiting = waiting or later > cycle
            cycle = later
    return cycle


@njit(cache=True, nogil=True)
def _hand_over(
    ended: int, left: np.ndarray, entered: np.ndarray, number: int, before: int, early: int, room: int
) -> int:
    """The first cycle from ``ended`` on in which a step may be handed over.

    ``left`` and ``entered`` are, in rings, the cycles in which words up to ``number`` left the crossbar and its queue.
    The step before had ``before`` words; all but ``early`` of them must have left, with no more than ``room`` of all
    of them still in the queue, a cycle before.
    """
    ring = len(left)
    cycle = ended
    if number == 0:
        return cycle
    # No word of the step before leaves before it is a cycle too early.
    cycle = max(cycle, left[(number - before) % ring] + 1)
    if before > early:
        cycle = max(cycle, left[(number - early - 1) % ring] + 2)
    while True:
        queued = 0
        for back in range(1, min(number, ring) + 1):
            word = (number - back) % ring
            if entered[word] <= cycle - 2:
                break
            queued += left[word] <= cycle - 2
        if queued <= room:
            return cycle
        cycle += 1


@njit(cache=True, nogil=True)
def _load(image: int, after: int, words: int, result: np.ndarray, in_flight: int) -> tuple[int, int]:
    """Cycles of an image's first and last pixels, ``after`` a page is free and the image before is loaded."""
    start = after + 1
    if image >= in_flight:
        start = max(start, result[image - in_flight] + 2)
    first = start
    if words > 1 and image + 1 >= in_flight:
        start = max(start, result[image + 1 - in_flight] + 1)
    return first, start + words - 1


@njit(cache=True, nogil=True)
def _offer(fetch: int, loaded: int, sent: np.ndarray, number: int, latency: int) -> tuple[int, int]:
    """Cycles in which the encoder fetches word ``number``, after its latest ``fetch``, and offers it.

    ``sent`` is, in a ring of its queue's size, when the latest words were accepted.
    """
    ring = len(sent)
    fetch = max(max(fetch, loaded), sent[number % ring]) + 1
    return fetch, max(fetch + latency - 1, sent[(number - 1) % ring] + 1)


@njit(cache=True, nogil=True)
def _give(
    earliest: int, number: int, first: bool, words: int, sums_latency: int, blocks: Blocks, rings: np.ndarray
) -> int:
    """A layer's word ``number`` from its crossbar, after cycle ``earliest``, through its neurons: when it is offered.

    ``first`` says whether it is the first of its step's ``words``. ``rings`` is (3, places): the cycles in which sums
    leave the crossbar, enter the neurons, and their results leave.
    """
    places = rings.shape[1]
    leave = max(earliest, rings[0, (number - 1) % places])
    leave = max(leave, rings[1, (number - blocks.crossbar_queue) % places]) + 1
    rings[0, number % places] = leave
    before = rings[1, (number - 1) % places]
    enter = max(leave + sums_latency, before + 1)
    if first:
        enter = max(enter, before + blocks.neurons_latency - words + 1)
    enter = _with_room(enter, rings[1], rings[2], number, blocks.neurons_queue - 2)
    rings[1, number % places] = enter
    return max(enter + blocks.neurons_latency + 1, rings[2, (number - 1) % places] + 1)


@njit(cache=True, nogil=True)
def run_serial(work: SerialWords, blocks: SerialBlocks) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of first pixels and of results, with serial layers."""
    images, steps, layers = work.events.shape
    words, sizes = work.counts.shape[2], work.sizes
    first_pixel, result = np.empty(images, np.int64), np.empty(images, np.int64)
    sent = np.full(blocks.encoder_queue, NEVER)  # cycles in which the encoder's latest words were accepted, in a ring
    fetched = 0  # words
    fetch = NEVER  # cycle of the latest fetch
    loaded = 0  # cycle of the latest image's last pixels
    freed = np.zeros(2, np.int64)  # cycle in which the last word of each page was fetched
    now = blocks.clear + 1  # first cycle of what is next
    watching = NEVER  # first cycle in which the readout takes words
    for image in range(images):
        after = max(loaded, freed[image % 2])
        first_pixel[image], loaded = _load(image, after, words, result, blocks.in_flight)
        for step in range(steps):
            for word in range(words):
                fetch, offered = _offer(fetch, loaded, sent, fetched, blocks.encoder_latency)
                now = max(now, offered)
                now += blocks.row * work.width + work.counts[image, step, word] * sizes[1]
                sent[fetched % len(sent)] = now - 1
                fetched += 1
            for layer in range(layers):
                if layer > 0:
                    now += blocks.row * sizes[layer] + work.events[image, step, layer] * sizes[layer + 1]
                for _ in range(sizes[layer + 1]):
                    now += blocks.update
                    if layer == layers - 1:
                        now = max(now, watching)
                    now += 1
            if step == work.decided[image] - 1:
                result[image] = now - 1 + blocks.answer
                watching = result[image] + 1
        freed[image % 2] = fetch
    return first_pixel, result


@njit(cache=True, nogil=True)
def run(work: Words, blocks: Blocks, crossbars: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of first pixels and of results, with parallel layers.

    ``crossbars`` is (layers, 2): the cycles from a step's hand-over to the one before its first word leaves, and those
    of a word from leaving to the queue.
    """
    # One function holds all arrays: handing them on to others in each turn costs four times its time.
    counts, offsets, decided, steps, words, banks = work
    images, layers = len(decided), len(banks)
    first_pixel, result = np.empty(images, np.int64), np.empty(images, np.int64)

    sent = np.full(blocks.encoder_queue, NEVER)  # cycles in which the encoder's latest words were accepted, in a ring
    fetched = 0  # words
    fetch = NEVER  # cycle of the latest fetch
    loaded = 0  # cycle of the latest image's last pixels
    freed = np.zeros(2, np.int64)  # cycle in which the last word of each page was fetched

    latency, ring = blocks.source_latency, 4 * (blocks.source_room + 1)
    queue = np.full((layers, banks.max(), 2, ring + 1), NEVER)
    queue[:, :, 0, ring] = 0
    events = np.full((layers, banks.max(), 2), NEVER)
    held = np.zeros((layers, banks.max()), np.int64)  # rows of the word that waits for the step's next
    accepted = np.full(layers, NEVER)
    taken = np.zeros(layers, np.int64)  # words
    opened = np.full(layers, NEVER)  # first cycle in which events of the step under way are taken

    places = max(words.max(), blocks.neurons_queue, blocks.crossbar_queue) + 2
    rings = np.full((layers, 3, places), NEVER)  # of each layer, as in _give
    begun = np.full(layers, NEVER)  # cycle before the first in which words of the step handed over leave
    given = np.zeros(layers, np.int64)
    left = np.zeros(layers, np.int64)  # words still to leave of the step that was handed over
    watching = NEVER  # first cycle in which the readout takes words

    for image in range(images):
        first_pixel[image], loaded = _load(image, max(loaded, freed[image % 2]), words[0], result, blocks.in_flight)

        for _ in range(steps):
            for word in range(words[0]):
                fetch, offered = _offer(fetch, loaded, sent, fetched, blocks.encoder_latency)
                layer, number = 0, word

                # Follow the word as deep as it reaches: the last word of a step makes a layer give words itself.
                while layer >= 0:
                    cycle = _accept(layer, banks[layer], max(offered, accepted[layer] + 1), blocks.source_room, queue)
                    accepted[layer] = cycle
                    last = number == words[layer] - 1
                    at = offsets[layer] + taken[layer] * banks[layer]
                    taken[layer] += 1
                    for bank in range(banks[layer]):
                        rows = counts[at + bank]
                        if held[layer, bank] and (rows or last):
                            _push(layer, bank, cycle, held[layer, bank], latency, opened[layer], events, queue)
                            held[layer, bank] = 0
                        elif last and not rows:
                            _push(layer, bank, cycle + 1, 0, latency, opened[layer], events, queue)
                        if last and rows:
                            _push(layer, bank, cycle + 1, rows, latency, opened[layer], events, queue)
                        elif rows:
                            held[layer, bank] = rows
                    if layer == 0:
                        sent[fetched % len(sent)] = cycle
                        fetched += 1
                    else:
                        rings[layer - 1, 2, (given[layer - 1] - 1) % places] = cycle
                    if last:
                        # Handed over when every bank has ended the step and the sums before leave it room.
                        over = _hand_over(
                            events[layer, : banks[layer], 1].max(),
                            rings[layer, 0],
                            rings[layer, 1],
                            given[layer],
                            words[layer + 1],
                            blocks.crossbar_early,
                            blocks.crossbar_queue - blocks.crossbar_early,
                        )
                        opened[layer] = over + 1
                        begun[layer] = over + crossbars[layer, 0]
                        left[layer] = words[layer + 1]

                    while layer >= 0:
                        if not left[layer]:
                            layer -= 1
                            continue
                        n = given[layer]
                        first = left[layer] == words[layer + 1]
                        given[layer] += 1
                        left[layer] -= 1
                        number = words[layer + 1] - 1 - left[layer]
                        sums_latency = crossbars[layer, 1]
                        offered = _give(begun[layer], n, first, words[layer + 1], sums_latency, blocks, rings[layer])
                        if layer + 1 < layers:
                            layer += 1
                            break
                        cycle = max(offered, watching)
                        rings[layer, 2, n % places] = cycle
                        watching = cycle + 1
                        if not left[layer] and n // words[layers] % steps == decided[image] - 1:
                            result[image] = cycle + blocks.answer
                            watching = result[image] + 1
        freed[image % 2] = fetch
    return first_pixel, result
