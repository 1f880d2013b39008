"""Words of spikes to row events: only rows that spiked, or whose spike has changed, go on to the crossbar."""

from functools import cached_property

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import STEP_BITS
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import change_word, event, spike_word


def bank_rows(rows: int, width: int, banks: int) -> np.ndarray:
    """Which row each bank holds at each of its places: (banks, ceil(rows / banks)) row numbers, ``rows`` for none.

    Each ``banks`` neighbouring rows go to different banks, and each such group within a word of ``width`` rows starts
    two banks further than the group before: the strokes of an image, of whatever direction, then fill the banks evenly.
    """
    row = np.arange(rows)
    bank = (row + 2 * (row % width // banks)) % banks
    places = np.full((banks, -(-rows // banks)), rows)
    places[bank, row // banks] = row
    return places


class RowChanges(wiring.Component):
    """Says of each spike whether it differs from the same row's in the time step before.

    Before an image's first step no row has a spike, so that all spikes of that step are changes. It counts words and
    time steps by itself.

    Throughput: a word a cycle. Latency: 0 cycles; it holds nothing up.

    Parameters
    ----------
    rows : neurons that spikes come from
    width : neurons in a word of spikes, a power of two
    steps : time steps of an inference; what a loadable core takes at most
    stores_from : number of its store; None for settings that are never written

    Attributes
    ----------
    spikes : stream of :func:`spike_word`, in. The spikes of all rows in their order, step by step.
    changes : stream of :func:`change_word`, out. A word for each word of spikes.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes the settings.
    """

    def __init__(self, rows: int, width: int, steps: int, *, stores_from: int | None = None) -> None:
        self.width = width
        self.steps = steps
        self.stores_from = stores_from
        self.words = -(-rows // width)
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(width))),
                "changes": Out(stream.Signature(change_word(width))),
            }
            | load_port(stores_from)
        )
        self._settings = data.StructLayout({"last_step": STEP_BITS})

    @cached_property
    def contents(self) -> list[Contents]:
        """What its store holds, the settings: the last step's number."""
        return [Contents("settings", STEP_BITS, [self.steps - 1])]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        settings = Stores.of(m, self, self.contents).register("settings", self._settings)
        spikes, last = self.spikes.payload.spikes, self.spikes.payload.last
        step = Signal(range(max(self.steps, 2)))
        first = Signal(init=1)  # the step is its image's first
        accept, end = Signal(), Signal()
        out = self.changes.payload
        m.d.comb += [
            accept.eq(self.spikes.valid & self.spikes.ready),
            end.eq(last & (step == settings.last_step)),
            self.changes.valid.eq(self.spikes.valid),
            self.spikes.ready.eq(self.changes.ready),
            out.changed.eq(spikes ^ Mux(first, 0, self._before(m, accept))),
            out.spikes.eq(spikes),
            out.last.eq(last),
            out.end.eq(end),
        ]
        with m.If(accept & last):
            m.d.sync += [step.eq(Mux(end, 0, step + 1)), first.eq(end)]
        return m

    def _before(self, m: Module, accept: Value) -> Value:
        """The spikes of the same rows in the step before; anything in the first step after a reset."""
        spikes, last = self.spikes.payload.spikes, self.spikes.payload.last
        if self.words == 1:
            before = Signal(self.width, reset_less=True)
            with m.If(accept):
                m.d.sync += before.eq(spikes)
            return before
        m.submodules.before = rows = memory.Memory(shape=self.width, depth=self.words, init=[])
        write, read = rows.write_port(), rows.read_port()
        word, following = Signal(range(self.words)), Signal(range(self.words))
        m.d.comb += [
            following.eq(Mux(last, 0, word + 1)),
            write.addr.eq(word),
            write.data.eq(spikes),
            write.en.eq(accept),
            # One word ahead: a word is never read while it is written, since there are two or more.
            read.addr.eq(following),
            read.en.eq(accept),
        ]
        with m.If(accept):
            m.d.sync += word.eq(following)
        return read.data


class EventSource(wiring.Component):
    """Spreads words of spikes over ``banks`` streams of row events; :func:`bank_rows` says which row is in which bank.

    Each bank has a queue of words of its own, so that a burst in one bank does not hold up the others. A word without
    rows of a bank is not queued there: silent rows cost nothing behind this block.

    Throughput: a word a cycle in, an event a cycle and bank out. Latency: LATENCY cycles from the next word with rows
    of that bank, or from the step's end; one more if the step's last word has rows of that bank, or no word has.

    Parameters
    ----------
    rows : neurons that spikes come from
    width : neurons in a word of spikes, a power of two
    banks : streams of events, a power of two
    changes : whether events are changes: rows whose spike is not what it was in the time step before

    Attributes
    ----------
    spikes : stream of :func:`spike_word`, or with ``changes`` of :func:`change_word`, in. The spikes of all rows in
        their order, step by step.
    events : streams of :func:`event`, out, one for each bank. In each time step a bank has an event for each of its
        rows that spiked, or changed, lowest place first, the last of them with ``last``; if there is none, a beat with
        ``last`` that is not ``active``.
    """

    LATENCY = 4
    #: words in a bank's queue
    QUEUE = 16
    #: words that must still find room in every queue for one to be taken: it, one under way, and one held back
    ROOM = 3

    def __init__(self, rows: int, width: int, banks: int, *, changes: bool = False) -> None:
        self.rows = rows
        self.width = width
        self.banks = banks
        self.changes = changes
        self._groups = max(1, width // banks)  # rows that one word brings to a bank
        self._turns = max(1, banks // width)  # words until every bank has had its turn
        self._words = -(-rows // width)
        # What is queued: the bank's rows in a word, and the word's number among those with rows of the bank. Of changes
        # also which of the rows spike no more, and whether the image ends with the word.
        self._queued = data.StructLayout(
            {"rows": self._groups, "index": range(max(-(-self._words // self._turns), 2)), "last": 1}
            | ({"off": self._groups, "end": 1} if changes else {})
        )
        super().__init__(
            {
                "spikes": In(stream.Signature(change_word(width) if changes else spike_word(width))),
                "events": Out(stream.Signature(event(-(-rows // banks), changes=changes))).array(banks),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = Signal(range(max(self._words, 2)))
        accept = Signal()
        room = Signal(self.banks)
        m.d.comb += accept.eq(self.spikes.valid & self.spikes.ready)
        # Registered, since all of the encoder waits for it: room for a word under way and one more.
        m.d.sync += self.spikes.ready.eq(room.all())
        with m.If(accept):
            m.d.sync += word.eq(Mux(self.spikes.payload.last, 0, word + 1))

        for bank in range(self.banks):
            m.submodules[f"queue{bank}"] = queue = fifo.SyncFIFOBuffered(
                width=data.Layout.cast(self._queued).size, depth=self.QUEUE
            )
            self._enqueue(m, bank, queue, word, accept, room)
            self._dequeue(m, bank, queue)
        return m

    def _enqueue(
        self, m: Module, bank: int, queue: fifo.SyncFIFOBuffered, word: Signal, accept: Signal, room: Signal
    ) -> None:
        """Queues the rows of ``bank`` in each word that has some.

        The latest word with rows waits until it is known whether the step ends with it: an end of its own would cost
        the crossbar a cycle.
        """
        payload, last = self.spikes.payload, self.spikes.payload.last
        turn_bits = self._turns.bit_length() - 1

        def of_bank(rows: Value) -> Value:
            if self._turns == 1:
                return Cat(rows[n * self.banks + (bank - 2 * n) % self.banks] for n in range(self._groups))
            return rows[bank % self.width] & (word[:turn_bits] == bank // self.width)

        mine = of_bank(payload.changed if self.changes else payload.spikes)

        held = Signal(self._queued, reset_less=True)
        holding = Signal()
        fold = Signal()  # the step ends with the word that is held
        keep = Signal()
        push = Signal()
        entry = data.View(self._queued, queue.w_data)
        m.d.comb += [
            room[bank].eq(queue.level <= self.QUEUE - self.ROOM),
            fold.eq(last & ~mine.any() & holding & ~held.last),
            keep.eq(mine.any() | (last & ~fold)),
            push.eq(holding & (held.last | (accept & (keep | fold)))),
            entry.rows.eq(held.rows),
            entry.index.eq(held.index),
            entry.last.eq(held.last | fold),
            queue.w_en.eq(push),
        ]
        if self.changes:
            m.d.comb += [entry.off.eq(held.off), entry.end.eq(Mux(held.last, held.end, payload.end))]
        with m.If(accept & keep):
            m.d.sync += [held.rows.eq(mine), held.index.eq(word >> turn_bits), held.last.eq(last), holding.eq(1)]
            if self.changes:
                m.d.sync += [held.off.eq(~of_bank(payload.spikes)), held.end.eq(payload.end)]
        with m.Elif(push & queue.w_rdy):
            m.d.sync += holding.eq(0)

    def _dequeue(self, m: Module, bank: int, queue: fifo.SyncFIFOBuffered) -> None:
        """Sends the rows of each queued word as events, one by one, lowest first, through a register."""
        groups = self._groups
        head = data.View(self._queued, queue.r_data)
        left = Signal(self._queued, reset_less=True)
        rest = Signal(groups)
        single = Signal(init=1)  # there is no rest
        busy = Signal()
        free = Signal()
        done = Signal()
        lowest = Signal(range(max(groups, 2)))
        off = Signal()
        out = self.events[bank]
        m.d.comb += rest.eq(_but_lowest(left.rows))
        for n in reversed(range(groups)):
            with m.If(left.rows[n]):
                m.d.comb += lowest.eq(n)
                if self.changes:
                    m.d.comb += off.eq(left.off[n])
        m.d.comb += [
            free.eq(~out.valid | out.ready),
            done.eq(~busy | (free & single)),
            queue.r_en.eq(done),
        ]
        with m.If(done):
            m.d.sync += [left.eq(head), single.eq(~_but_lowest(head.rows).any()), busy.eq(queue.r_rdy)]
        with m.Elif(free):
            m.d.sync += [left.rows.eq(rest), single.eq(~_but_lowest(rest).any())]
        with m.If(free):
            m.d.sync += [
                out.valid.eq(busy),
                out.payload.row.eq(Cat(lowest[: groups.bit_length() - 1], left.index)),
                out.payload.active.eq(left.rows.any()),
                out.payload.last.eq(left.last & single),
            ]
            if self.changes:
                m.d.sync += [out.payload.off.eq(off), out.payload.end.eq(left.end)]


def _but_lowest(rows: Value) -> Value:
    """``rows`` without the lowest bit that is set; as a subtraction it would wait for a carry."""
    return Cat(rows[n] & rows[:n].any() for n in range(len(rows)))
