"""Spike words to row events: silent rows vanish here, so that they cost nothing behind."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.streams import event, spike_word


class EventSource(wiring.Component):
    """Spreads spike words over ``banks`` event streams; row r goes to bank r mod banks as its row r div banks.

    ``width`` (neurons a word) and ``banks`` are powers of two. Each bank has a queue of words of its own, so that a
    burst in one does not hold up the others.

    Throughput: a word a cycle in, an event a cycle and bank out. Latency: 2 cycles. Every bank's stream has a beat
    with ``last`` for every time step; that beat carries an event as well where it can.
    """

    QUEUE = 8

    def __init__(self, rows: int, width: int, banks: int) -> None:
        self.rows = rows
        self.width = width
        self.banks = banks
        self.bank_rows = -(-rows // banks)
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(width))),
                "events": Out(stream.Signature(event(self.bank_rows))).array(banks),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = -(-self.rows // self.width)
        share = max(1, self.width // self.banks)  # rows that one word brings to a bank
        turns = max(1, self.banks // self.width)  # words until every bank has had its turn
        word = Signal(range(max(words, 2)))
        accept = Signal()
        room = Signal(self.banks)
        m.d.comb += [self.spikes.ready.eq(room.all()), accept.eq(self.spikes.valid & self.spikes.ready)]
        with m.If(accept):
            m.d.sync += word.eq(Mux(self.spikes.payload.last, 0, word + 1))

        queued = data.StructLayout({"rows": share, "index": range(max(-(-words // turns), 2)), "last": 1})
        for bank in range(self.banks):
            m.submodules[f"queue{bank}"] = queue = fifo.SyncFIFOBuffered(
                width=data.Layout.cast(queued).size, depth=self.QUEUE
            )
            entry, head = data.View(queued, queue.w_data), data.View(queued, queue.r_data)
            if turns == 1:
                mine = Cat(self.spikes.payload.spikes[n] for n in range(bank, self.width, self.banks))
                index = word
            else:
                my_turn = word[: turns.bit_length() - 1] == bank // self.width
                mine = self.spikes.payload.spikes[bank % self.width] & my_turn
                index = word >> (turns.bit_length() - 1)
            m.d.comb += [
                room[bank].eq(queue.w_rdy),
                entry.rows.eq(mine),
                entry.index.eq(index),
                entry.last.eq(self.spikes.payload.last),
                queue.w_en.eq(accept & (entry.rows.any() | entry.last)),
            ]

            # The head's rows leave one by one, lowest first; `sent` remembers which have.
            sent, left, rest = Signal(share), Signal(share), Signal(share)
            lowest = Signal(range(max(share, 2)))
            out = self.events[bank]
            m.d.comb += [left.eq(head.rows & ~sent), rest.eq(left & (left - 1))]
            for n in reversed(range(share)):
                with m.If(left[n]):
                    m.d.comb += lowest.eq(n)
            m.d.comb += [
                out.valid.eq(queue.r_rdy),
                out.payload.row.eq(Cat(lowest[: share.bit_length() - 1], head.index)),
                out.payload.active.eq(left.any()),
                out.payload.last.eq(head.last & ~rest.any()),
                queue.r_en.eq(out.ready & ~rest.any()),
            ]
            with m.If(out.valid & out.ready):
                m.d.sync += sent.eq(Mux(rest.any(), sent | (left ^ rest), 0))
        return m
