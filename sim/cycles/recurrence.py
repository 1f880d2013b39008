"""The recurrence behind the cycle model: in which cycle every word of spikes moves.

Every beat of a stream moves as soon as its sender has it, its receiver is ready, and the beat before it has gone. When
that is follows from earlier beats only, so one pass over all words, each followed as deep into the core as it reaches,
gives every cycle (`docs/performance.md`, "Cycle model").
"""

import numpy as np

from captwin.sim.jit import njit

#: a cycle before all others
NEVER = -(1 << 40)


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
def run_serial(
    events: np.ndarray,
    counts: np.ndarray,
    decided: np.ndarray,
    sizes: np.ndarray,
    width: int,
    encoder: np.ndarray,
    serial: np.ndarray,
    answer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of first pixels and of results of serial layers.

    ``events`` is (images, steps, layers), ``counts`` (images, steps, words) of the encoder's words of ``width``;
    ``sizes`` are those of the chip; ``encoder``, ``serial`` and ``answer`` as :meth:`Workload.cycles` has
    them.
    """
    images, steps, layers = events.shape
    words = counts.shape[2]
    first_pixel, result = np.empty(images, np.int64), np.empty(images, np.int64)
    sent = np.full(encoder[1], NEVER)  # cycles in which the encoder's latest words were accepted, in a ring
    fetched = 0  # words
    fetch = NEVER  # cycle of the latest fetch
    loaded = 0  # cycle of the latest image's last pixels
    freed = np.zeros(2, np.int64)  # cycle in which the last word of each page was fetched
    now = serial[2] + 1  # first cycle of what is next: sums have been cleared
    watching = NEVER  # first cycle in which the readout takes words

    for image in range(images):
        first_pixel[image], loaded = _load(image, max(loaded, freed[image % 2]), words, result, answer[1])
        for step in range(steps):
            for word in range(words):
                fetch, offered = _offer(fetch, loaded, sent, fetched, encoder[0])
                now = max(now, offered)
                now += serial[0] * width + counts[image, step, word] * sizes[1]
                sent[fetched % encoder[1]] = now - 1
                fetched += 1
            for layer in range(layers):
                if layer > 0:
                    now += serial[0] * sizes[layer] + events[image, step, layer] * sizes[layer + 1]
                for _ in range(sizes[layer + 1]):
                    now += serial[1]
                    if layer == layers - 1:
                        now = max(now, watching)
                    now += 1
            if step == decided[image] - 1:
                result[image] = now - 1 + answer[0]
                watching = result[image] + 1
        freed[image % 2] = fetch
    return first_pixel, result


@njit(cache=True, nogil=True)
def run(
    counts: np.ndarray,
    offsets: np.ndarray,
    decided: np.ndarray,
    steps: int,
    words: np.ndarray,
    banks: np.ndarray,
    encoder: np.ndarray,
    source: np.ndarray,
    sums: np.ndarray,
    crossbar: np.ndarray,
    neurons: np.ndarray,
    answer: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of first pixels and of results. ``words``: of a step, those of the encoder and each layer.

    ``encoder``, ``source``, ``sums``, ``crossbar``, ``neurons`` and ``answer`` are the blocks' latencies and queues, as
    :meth:`Workload.cycles` has them.
    """
    images, layers = len(decided), len(banks)
    first_pixel, result = np.empty(images, np.int64), np.empty(images, np.int64)

    sent = np.full(encoder[1], NEVER)  # cycles in which the encoder's latest words were accepted, in a ring
    fetched = 0  # words
    fetch = NEVER  # cycle of the latest fetch
    loaded = 0  # cycle of the latest image's last pixels
    freed = np.zeros(2, np.int64)  # cycle in which the last word of each page was fetched

    ring = 4 * (source[1] + 1)
    queue = np.full((layers, banks.max(), 2, ring + 1), NEVER)
    queue[:, :, 0, ring] = 0
    events = np.full((layers, banks.max(), 2), NEVER)
    held = np.zeros((layers, banks.max()), np.int64)  # rows of the word that waits for the step's next
    accepted = np.full(layers, NEVER)
    taken = np.zeros(layers, np.int64)  # words
    opened = np.full(layers, NEVER)  # first cycle in which events of the step under way are taken

    # Sums, by number in rings: the cycle in which each leaves the crossbar, enters the neurons, and its results leave.
    places = max(words.max(), neurons[1], crossbar[1]) + 2
    issued = np.full((layers, places), NEVER)
    entered = np.full((layers, places), NEVER)
    departed = np.full((layers, places), NEVER)
    begun = np.full(layers, NEVER)  # cycle before the first in which words of the step handed over leave
    given = np.zeros(layers, np.int64)
    left = np.zeros(layers, np.int64)  # words still to leave of the step that was handed over
    watching = NEVER  # first cycle in which the readout takes words

    for image in range(images):
        first_pixel[image], loaded = _load(image, max(loaded, freed[image % 2]), words[0], result, answer[1])

        for _ in range(steps):
            for word in range(words[0]):
                fetch, offered = _offer(fetch, loaded, sent, fetched, encoder[0])
                layer, number = 0, word

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
                            _push(layer, bank, cycle, held[layer, bank], source[0], opened[layer], events, queue)
                            held[layer, bank] = 0
                        elif last and not rows:
                            _push(layer, bank, cycle + 1, 0, source[0], opened[layer], events, queue)
                        if last and rows:
                            _push(layer, bank, cycle + 1, rows, source[0], opened[layer], events, queue)
                        elif rows:
                            held[layer, bank] = rows
                    if layer == 0:
                        sent[fetched % encoder[1]] = cycle
                        fetched += 1
                    else:
                        departed[layer - 1, (given[layer - 1] - 1) % places] = cycle
                    if last:
                        # Handed over when every bank has ended the step and the sums before leave it room.
                        over = _hand_over(
                            events[layer, : banks[layer], 1].max(),
                            issued[layer],
                            entered[layer],
                            given[layer],
                            words[layer + 1],
                            crossbar[0],
                            crossbar[1] - crossbar[0],
                        )
                        opened[layer] = over + 1
                        begun[layer] = over + sums[layer, 0]
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
                        leave = max(begun[layer], issued[layer, (n - 1) % places])
                        leave = max(leave, entered[layer, (n - crossbar[1]) % places]) + 1
                        issued[layer, n % places] = leave
                        before = entered[layer, (n - 1) % places]
                        enter = max(leave + sums[layer, 1], before + 1)
                        if first:
                            enter = max(enter, before + neurons[0] - words[layer + 1] + 1)
                        enter = _with_room(enter, entered[layer], departed[layer], n, neurons[1] - 2)
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
        freed[image % 2] = fetch
    return first_pixel, result
