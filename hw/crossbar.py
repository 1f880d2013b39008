"""The memcapacitor crossbar: charge codes of active rows, summed for all columns in parallel."""

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import Formats
from hw.events import bank_rows
from hw.streams import Pipeline, event


class Crossbar(wiring.Component):
    """Adds the weight rows of active events and hands over the sums at the end of each time step.

    ``charges`` is the (rows, columns) array of charge codes; :func:`hw.events.bank_rows` says which of ``banks``
    memories holds which row when spikes come ``width`` a word. Each bank takes an event a cycle. Sums leave as words
    of ``lanes`` columns, column 0 in lane 0 of the first word; lanes beyond the last column hold 0. A bank that has
    ended its step waits for the others; sums are double-buffered, so the next step accumulates while this one's words
    leave.

    Latency: LATENCY cycles from the step's last event to its first word.
    """

    LATENCY = 9
    #: of them, those until the sums begin to shift out; the next step can be handed over when all of them have begun
    HAND_OVER = 6
    QUEUE = 8

    def __init__(self, charges: np.ndarray, formats: Formats, *, width: int, banks: int, lanes: int) -> None:
        self.charges = charges
        self.formats = formats
        self.banks = banks
        self.lanes = lanes
        rows, self.columns = charges.shape
        self.places = bank_rows(rows, width, banks)
        self.words = -(-self.columns // lanes)
        self.sum_shape = signed(formats.accumulator_bits(rows))
        super().__init__(
            {
                "events": In(stream.Signature(event(self.places.shape[1]))).array(banks),
                "sums": Out(stream.Signature(data.ArrayLayout(self.sum_shape, lanes))),
                #: number of row events taken in this cycle
                "taken": Out(range(banks + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.formats.charge_bits
        row_shape = data.ArrayLayout(signed(bits), self.columns)

        # Events are taken in stage 0, their rows addressed in 1 and read in 2, registered in 3 (block RAM is slow and
        # far away), masked in 4, added up over the banks in 5 and accumulated in 6. A step is handed over once every
        # bank has ended it: `turn` is the parity of the step under way, `parity` that of the step each bank expects.
        control = Pipeline(m, "", resets=True)
        turn = Signal()
        parity = Signal(self.banks)
        ended = Signal(self.banks)
        ending = Signal(self.banks)
        hand_over = Signal()
        held_free = Signal()
        padded = np.vstack([self.charges, np.zeros((1, self.columns), self.charges.dtype)])
        rows_read = []
        for bank, places in enumerate(self.places):
            m.submodules[f"weights{bank}"] = store = memory.Memory(
                shape=unsigned(bits * self.columns), depth=len(places), init=pack_rows(padded[places], bits)
            )
            port = store.read_port()
            source = self.events[bank]
            m.d.comb += [
                source.ready.eq(~ended[bank]),
                ending[bank].eq(ended[bank] | (source.valid & source.payload.last)),
            ]
            control[f"active{bank}_", 0] = source.valid & source.ready & source.payload.active
            control[f"row{bank}_", 0] = source.payload.row
            m.d.comb += [port.addr.eq(control[f"row{bank}_", 1]), port.en.eq(control[f"active{bank}_", 1])]
            codes = Signal(row_shape, name=f"codes{bank}", reset_less=True)
            masked = Signal(row_shape, name=f"masked{bank}")
            m.d.sync += [codes.eq(port.data), masked.eq(Mux(control[f"active{bank}_", 3], codes, 0))]
            rows_read.append(masked)
        control["over", 0] = hand_over
        over = control["over", 5]
        m.d.comb += [
            ended.eq(parity ^ turn.replicate(self.banks)),
            hand_over.eq(ending.all() & held_free),
        ]
        m.d.sync += [
            parity.eq(ending ^ turn.replicate(self.banks)),
            turn.eq(turn ^ hand_over),
            self.taken.eq(sum(control[f"active{bank}_", 1] for bank in range(self.banks))),
        ]

        totals, held = [], []
        for column in range(self.columns):
            partial = Signal(signed(bits + (self.banks - 1).bit_length()), name=f"partial{column}")
            acc = Signal(self.sum_shape, name=f"acc{column}")
            total = Signal(self.sum_shape, name=f"total{column}")
            m.d.sync += partial.eq(sum(masked[column] for masked in rows_read))
            m.d.comb += total.eq(acc + partial)
            m.d.sync += acc.eq(Mux(over, 0, total))
            totals.append(total)
            held.append(Signal(self.sum_shape, name=f"held{column}", reset_less=True))

        # The held sums shift out, `lanes` a beat, into a queue. What moves so many registers is registered itself.
        width = data.Layout.cast(self.sums.payload.shape()).size
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=width, depth=self.QUEUE)
        left = Signal(range(self.words + 1))
        promised = Signal(range(self.QUEUE + 1))
        issue = Signal()
        shift = Signal()
        move = Signal()
        leave = Signal()
        m.d.comb += [
            issue.eq((left != 0) & (promised != self.QUEUE)),
            held_free.eq(~Cat(control["over", stage] for stage in range(1, 6)).any() & (left == 0)),
            Value.cast(self.sums.payload).eq(queue.r_data),
            self.sums.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.sums.ready),
            leave.eq(self.sums.valid & self.sums.ready),
            queue.w_en.eq(shift),
        ]
        word = data.View(self.sums.payload.shape(), queue.w_data)
        for lane in range(min(self.lanes, self.columns)):
            m.d.comb += word[lane].eq(held[lane])
        m.d.sync += [
            shift.eq(issue),
            move.eq(issue | control["over", 4]),
            promised.eq(promised + issue - leave),
        ]
        with m.If(over):
            m.d.sync += left.eq(self.words)
        with m.Elif(issue):
            m.d.sync += left.eq(left - 1)
        with m.If(move):
            for n, slot in enumerate(held):
                following = held[n + self.lanes] if n + self.lanes < self.columns else 0
                m.d.sync += slot.eq(Mux(over, totals[n], following))
        return m


def pack_rows(charges: np.ndarray, bits: int) -> list[int]:
    """Each row of signed codes as one integer, column 0 in the lowest ``bits``."""
    codes = charges.astype(np.int64) & ((1 << bits) - 1)
    planes = (codes[:, :, None] >> np.arange(bits)) & 1
    packed = np.packbits(
        planes.reshape(len(charges), charges.shape[1] * bits).astype(np.uint8), axis=1, bitorder="little"
    )
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
