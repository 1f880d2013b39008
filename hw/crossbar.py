"""The memcapacitor crossbar: charge codes of active rows, summed for all columns in parallel."""

import numpy as np
from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import Formats
from hw.streams import event


class Crossbar(wiring.Component):
    """Adds the weight rows of active events and hands over the sums at the end of each time step.

    ``charges`` is the (rows, columns) array of charge codes. Row r lives in memory r mod ``banks``; each bank takes an
    event a cycle. Sums leave as words of ``lanes`` columns, column 0 in lane 0 of the first word; lanes beyond the
    last column hold 0. A bank that has ended its step waits for the others; sums are double-buffered, so the next
    step accumulates while this one's words leave.

    Latency: 3 cycles from the step's last event to its first word.
    """

    def __init__(self, charges: np.ndarray, formats: Formats, *, banks: int, lanes: int) -> None:
        self.charges = charges
        self.formats = formats
        self.banks = banks
        self.lanes = lanes
        rows, self.columns = charges.shape
        self.bank_rows = -(-rows // banks)
        self.words = -(-self.columns // lanes)
        self.sum_shape = signed(formats.accumulator_bits(rows))
        super().__init__(
            {
                "events": In(stream.Signature(event(self.bank_rows))).array(banks),
                "sums": Out(stream.Signature(data.ArrayLayout(self.sum_shape, lanes))),
                #: number of row events taken in this cycle
                "taken": Out(range(banks + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.formats.charge_bits
        row_shape = data.ArrayLayout(signed(bits), self.columns)

        # Stage 0: take events, address the weights. A step is handed over once every bank has ended it.
        ended, ending, reading = Signal(self.banks), Signal(self.banks), Signal(self.banks)
        hand_over, held_free = Signal(), Signal()
        weights = []
        for bank in range(self.banks):
            m.submodules[f"weights{bank}"] = store = memory.Memory(
                shape=unsigned(bits * self.columns),
                depth=self.bank_rows,
                init=pack_rows(self.charges[bank :: self.banks], bits),
            )
            port = store.read_port()
            source = self.events[bank]
            active = source.valid & source.ready & source.payload.active
            m.d.comb += [
                source.ready.eq(~ended[bank]),
                ending[bank].eq(ended[bank] | (source.valid & source.payload.last)),
                port.addr.eq(source.payload.row),
                port.en.eq(active),
            ]
            m.d.sync += reading[bank].eq(active)
            weights.append(data.View(row_shape, port.data))
        m.d.comb += [
            hand_over.eq(ending.all() & held_free),
            self.taken.eq(sum(reading[bank] for bank in range(self.banks))),
        ]
        m.d.sync += ended.eq(Mux(hand_over, 0, ending))

        # Stage 1: add up the banks. Stage 2: accumulate, or hand over.
        over = Signal(2)
        m.d.sync += over.eq(Cat(hand_over, over[0]))
        partials, totals, held = [], [], []
        for column in range(self.columns):
            partial = Signal(signed(bits + (self.banks - 1).bit_length()), name=f"partial{column}")
            acc = Signal(self.sum_shape, name=f"acc{column}")
            total = Signal(self.sum_shape, name=f"total{column}")
            m.d.sync += partial.eq(sum(Mux(reading[bank], weights[bank][column], 0) for bank in range(self.banks)))
            m.d.comb += total.eq(acc + partial)
            m.d.sync += acc.eq(Mux(over[1], 0, total))
            partials.append(partial)
            totals.append(total)
            held.append(Signal(self.sum_shape, name=f"held{column}"))

        # The held sums shift out, `lanes` a beat.
        left = Signal(range(self.words + 1))
        m.d.comb += [
            self.sums.valid.eq(left != 0),
            held_free.eq(~over.any() & ((left == 0) | ((left == 1) & self.sums.ready))),
        ]
        for lane in range(min(self.lanes, self.columns)):
            m.d.comb += self.sums.payload[lane].eq(held[lane])
        with m.If(over[1]):
            m.d.sync += [slot.eq(total) for slot, total in zip(held, totals, strict=True)]
            m.d.sync += left.eq(self.words)
        with m.Elif(self.sums.valid & self.sums.ready):
            m.d.sync += left.eq(left - 1)
            m.d.sync += [
                slot.eq(held[n + self.lanes] if n + self.lanes < self.columns else 0) for n, slot in enumerate(held)
            ]
        return m


def pack_rows(charges: np.ndarray, bits: int) -> list[int]:
    """Each row of signed codes as one integer, column 0 in the lowest ``bits``."""
    codes = charges.astype(np.int64) & ((1 << bits) - 1)
    planes = (codes[:, :, None] >> np.arange(bits)) & 1
    packed = np.packbits(
        planes.reshape(len(charges), charges.shape[1] * bits).astype(np.uint8), axis=1, bitorder="little"
    )
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
