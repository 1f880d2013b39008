"""The recurrence by itself: cores so small that the cycles can be added up by hand."""

import numpy as np
import pytest

from captwin.sim.cycles.recurrence import Blocks, SerialBlocks, SerialWords, Words, _with_room, run, run_serial

BLOCKS = Blocks(
    encoder_latency=3,
    encoder_queue=4,
    source_latency=5,
    source_room=3,
    crossbar_early=1,
    crossbar_queue=4,
    neurons_latency=7,
    neurons_queue=6,
    answer=11,
    in_flight=2,
)
#: from a step's hand-over to the cycle before the first word leaves, and from leaving to the queue
CROSSBARS = np.array([[2, 6]])
SERIAL = SerialBlocks(encoder_latency=3, encoder_queue=4, row=2, update=9, clear=4, answer=11, in_flight=2)


def one_word(rows: list[int], steps: int = 1) -> Words:
    """Images of which each step is one word for one bank and one word of neurons; so many rows spike in each step."""
    return Words(
        counts=np.repeat(np.array(rows, np.int16), steps),
        offsets=np.array([0, len(rows) * steps]),
        decided=np.full(len(rows), steps),
        steps=steps,
        words=np.array([1, 1]),
        banks=np.array([1]),
    )


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_a_lone_word_waits_for_nobody(rows: int) -> None:
    (first,), (result,) = run(one_word([rows]), BLOCKS, CROSSBARS)
    taken = first + BLOCKS.encoder_latency  # fetched in the cycle after the pixels
    ended = taken + BLOCKS.source_latency + rows  # one event a cycle
    offered = ended + 2 + 1 + 6 + BLOCKS.neurons_latency + 1
    assert result == offered + BLOCKS.answer


def test_a_step_without_spikes_costs_as_much_as_one_spike() -> None:
    results = [run(one_word([rows]), BLOCKS, CROSSBARS)[1][0] for rows in (0, 1)]
    assert results[0] == results[1]


def test_as_many_images_as_are_allowed_at_once() -> None:
    work = one_word([3] * 6, steps=2)
    for in_flight in (1, 2, 3):
        first, result = run(work, BLOCKS._replace(in_flight=in_flight), CROSSBARS)
        assert (first[in_flight:] >= result[:-in_flight] + 2).all() and (np.diff(result) > 0).all()
        assert in_flight > 1 or (first[1:] == result[:-1] + 2).all()
    alone = run(one_word([3], steps=2), BLOCKS, CROSSBARS)
    first, result = run(work, BLOCKS._replace(in_flight=1), CROSSBARS)
    assert set(result - first) == {alone[1][0] - alone[0][0]}


def test_serial_layers_add_up() -> None:
    """Two of the encoder's words, then a layer of 3 neurons and one of 2, in one step."""
    events = np.array([[[4, 2]]])
    work = SerialWords(events, np.array([[[3, 1]]]), np.array([1]), np.array([8, 3, 2]), width=4)
    (first,), (result,) = run_serial(work, SERIAL)
    last_pixels = first + 1
    offered = last_pixels + SERIAL.encoder_latency
    rows = SERIAL.row * (8 + 3)  # each row takes its time, whether it spikes or not
    charges = 4 * 3 + 2 * 2
    neurons = (SERIAL.update + 1) * (3 + 2)
    assert result == offered + rows + charges + neurons - 1 + SERIAL.answer
    later, _ = run_serial(work, SERIAL._replace(clear=100))
    assert later == first  # pixels are taken while the sums are cleared
    assert run_serial(work, SERIAL._replace(clear=100))[1] == 101 + rows + charges + neurons - 1 + SERIAL.answer


@pytest.mark.parametrize("seed", range(20))
def test_room_is_found_as_by_looking_at_each_cycle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    room, entries = int(rng.integers(1, 4)), int(rng.integers(1, 12))
    came = np.cumsum(rng.integers(1, 4, entries))
    went = np.maximum.accumulate(came + rng.integers(1, 12, entries))
    offered = int(came[-1] + rng.integers(0, 3))
    cycle = offered
    while np.count_nonzero((came < cycle - 1) & (went >= cycle - 1)) > room:
        cycle += 1
    assert _with_room(offered, came, went, entries, room) == cycle
