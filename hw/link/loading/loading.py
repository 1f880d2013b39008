"""What may be written into a loadable core, and whether what was written is a whole chip."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.gates.stores import ADDRESS_BITS, BYTE, Contents
from captwin.hw.link.line.crc import SerialCrc
from captwin.hw.link.loading.judge import Judge


def place() -> data.StructLayout:
    """The head of a WRITE: store and address of its first word, and the bytes of each word."""
    return data.StructLayout({"store": 16, "address": ADDRESS_BITS, "bytes": BYTE})


class Loading(wiring.Component):
    """Decides whether requests may write, and knows whether the core holds a chip that was written wholly.

    Settings must name a number of time steps that is not above that of the settings the core was made with, and the
    same in all parts of the core: else the parts would wait for each other for ever.

    * ``where`` (in): the head of the request.
    * ``length`` (in): bytes of its words, at least one.
    * ``first`` (in): the first of these bytes.
    * ``judge`` (in): asks for a decision; until then ``where``, ``length`` and ``first`` must not change. Latency:
      ``length`` + 4 cycles.
    * ``decided`` (out): high for one cycle, in which ``status`` (out) is the decision.
    * ``begin`` (in): the request is carried out; from now on the core holds no known chip.
    * ``byte``, ``take`` (in): adds a byte to the CRC-32 of all that is written; allowed while ``busy`` (out) is low.
    * ``prove`` (in): makes the chip known if the latest 4 bytes are the CRC of those before, and if each word of each
      store was written once, in order, since ``restart`` or the previous ``prove``. Then the CRC begins anew.
    * ``restart`` (in): nothing is written yet; the CRC begins anew.
    * ``known`` (out): the core holds a whole chip. A reset does not change it, as it does not change memories.
    """

    def __init__(self, stores: Sequence[Contents], length: int) -> None:
        """``stores`` are those of the core in the order of their numbers, and behind them that of number ABOUT; a
        request has at most ``length`` bytes of words."""
        self._stores = stores
        super().__init__(
            {
                "where": In(place()),
                "length": In(range(length + 1)),
                "first": In(BYTE),
                "judge": In(1),
                "decided": Out(1),
                "status": Out(8),
                "begin": In(1),
                "byte": In(BYTE),
                "take": In(1),
                "busy": Out(1),
                "prove": In(1),
                "restart": In(1),
                "known": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        known = Signal(init=1, reset_less=True)
        m.d.comb += self.known.eq(known)
        matched = self._check(m)
        judge = Judge(m, self._stores, self)

        # The store and address that must be written next; behind the last store, all has been written.
        due, due_address, in_order = Signal(range(len(self._stores) + 1)), Signal.like(judge.end), Signal(init=1)
        m.d.sync += judge.follows.eq((judge.number == due) & (self.where.address == due_address))
        with m.If(self.begin):
            m.d.sync += [
                known.eq(0),
                in_order.eq(in_order & judge.follows),
                due.eq(judge.number + judge.fills),
                due_address.eq(Mux(judge.fills, 0, judge.end)),
            ]
        with m.If(self.prove):
            m.d.sync += known.eq(known | (matched & in_order & (due == len(self._stores))))
        with m.If(self.restart | self.prove):
            m.d.sync += [due.eq(0), due_address.eq(0), in_order.eq(1)]
        return m

    def _check(self, m: Module) -> Signal:
        """The CRC of what is written; whether it ends with its own."""
        m.submodules.crc = check = SerialCrc()
        matched = Signal()
        take, byte = Signal(), Signal(BYTE, reset_less=True)  # registered: whether a byte is taken is known late
        m.d.comb += [
            check.byte.eq(byte),
            check.take.eq(take),
            check.start.eq(self.restart | self.prove),
            self.busy.eq(take | check.busy),
        ]
        m.d.sync += [matched.eq(check.match), take.eq(self.take), byte.eq(self.byte)]
        return matched
