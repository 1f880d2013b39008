"""What may be written into a loadable core, and whether what was written is a whole chip."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import STEP_BITS
from captwin.hw.gates.stores import ADDRESS_BITS, BYTE, Contents
from captwin.hw.link.line.crc import SerialCrc
from captwin.hw.link.protocol import ABOUT, Status

#: words of settings begin with the number of the last time step
SETTINGS = "settings"
#: the settings that come first, with which the others must agree
FIRST_SETTINGS = "encoder.settings"


def place() -> data.StructLayout:
    """Where a WRITE begins, and the bytes of its words."""
    return data.StructLayout({"store": 16, "address": ADDRESS_BITS, "bytes": BYTE})


class Loading(wiring.Component):
    """Judges requests to write, and knows whether the core holds a chip that was written wholly.

    ``stores`` are those of the core, in the order of their numbers, and then that of number ABOUT. While ``judge`` is
    high, ``where``, ``length`` (bytes of words, at least one) and ``first`` (the first of these bytes) must hold;
    ``decided`` says for a cycle that ``status`` is what becomes of the request. ``begin`` then says that it is carried
    out: from then on the chip is not ``known``. Latency of a decision: ``length`` + 4 cycles.

    The CRC-32 of words goes on with each ``byte`` at ``take``, which may come while ``busy`` is low. With ``prove`` the
    chip is ``known`` if this is the CRC of its own last four bytes, and if all words of all stores were written in
    their order, since ``restart`` or the ``prove`` before. A reset leaves ``known`` as it is: memories are not reset
    either.

    Settings must be of a number of time steps below that of the settings the core was made with, the same in all parts
    of the core: else parts would wait for each other for ever.
    """

    def __init__(self, stores: Sequence[Contents], length: int) -> None:
        """``length`` is the most bytes that words of a request have."""
        self._stores = stores
        names = [entry.name for entry in stores]
        self._first_settings = names.index(FIRST_SETTINGS)
        self._last_step = stores[self._first_settings].words[0] & ((1 << STEP_BITS) - 1)
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

        # The CRC of what is written.
        m.submodules.crc = check = SerialCrc()
        matched = Signal()
        take, byte = Signal(), Signal(BYTE, reset_less=True)  # since whether a byte is taken is known late
        m.d.comb += [
            check.byte.eq(byte),
            check.take.eq(take),
            check.start.eq(self.restart | self.prove),
            self.busy.eq(take | check.busy),
        ]
        m.d.sync += [matched.eq(check.match), take.eq(self.take), byte.eq(self.byte)]

        number, end, follows, fills = self._judge(m)

        # What comes next in order; all has come if that is behind the last store.
        due, due_address, in_order = Signal(range(len(self._stores) + 1)), Signal.like(end), Signal(init=1)
        m.d.sync += follows.eq((number == due) & (self.where.address == due_address))
        with m.If(self.begin):
            m.d.sync += [
                known.eq(0),
                in_order.eq(in_order & follows),
                due.eq(number + fills),
                due_address.eq(Mux(fills, 0, end)),
            ]
        with m.If(self.prove):
            m.d.sync += known.eq(known | (matched & in_order & (due == len(self._stores))))
        with m.If(self.restart | self.prove):
            m.d.sync += [due.eq(0), due_address.eq(0), in_order.eq(1)]
        return m

    def _judge(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """Decides; the store's number among all, the address behind the last word, whether the words are those due (to
        be said), and whether they are the last of their store."""
        where = self.where
        count = len(self._stores)
        depths = [len(entry.words) for entry in self._stores]
        widths = [entry.word_bytes for entry in self._stores]
        row = data.StructLayout({"bytes": range(max(widths) + 1), "words": range(max(depths) + 1), "settings": 1})
        m.submodules.stores = store = memory.Memory(
            shape=row,
            depth=count,
            init=[
                {"bytes": width, "words": depth, "settings": entry.name.endswith(SETTINGS)}
                for width, depth, entry in zip(widths, depths, self._stores, strict=True)
            ],
        )
        port = store.read_port()
        found = port.data
        number, exists = Signal(range(max(count, 2)), reset_less=True), Signal()
        addresses = 1 << max(depths).bit_length()  # no store has so many words
        end = Signal(range(addresses + (1 << len(self.length))))
        rest, left = Signal.like(self.length), Signal(BYTE)
        inside, whole, sound = Signal(), Signal(), Signal()
        follows, fills = Signal(), Signal()
        last_step = Signal(STEP_BITS, init=self._last_step, reset_less=True)
        m.d.comb += port.addr.eq(number)
        m.d.sync += [
            number.eq(Mux(where.store == ABOUT, count - 1, where.store)),
            exists.eq(((where.store == ABOUT) | (where.store < count - 1)) & (where.address < addresses)),
        ]
        with m.FSM():
            with m.State("idle"), m.If(self.judge):
                m.d.sync += [rest.eq(self.length), left.eq(where.bytes), end.eq(where.address)]
                m.next = "count"
            with m.State("count"):  # the words, a byte a cycle
                m.d.sync += [rest.eq(rest - 1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.d.sync += [left.eq(where.bytes), end.eq(end + 1)]
                with m.If(rest == 1):
                    m.next = "compare"
            with m.State("compare"):
                m.next = "decide"
                m.d.sync += [
                    inside.eq(exists & (where.bytes == found.bytes) & (end <= found.words)),
                    whole.eq(left == where.bytes),
                    fills.eq(end == found.words),
                    sound.eq(
                        ~found.settings
                        | (
                            (self.first <= self._last_step)
                            & ((number == self._first_settings) | (self.first == last_step))
                        )
                    ),
                ]
            with m.State("decide"):
                m.d.comb += self.decided.eq(1)
                with m.If(~inside):
                    # A width that is not the store's says nothing about what is whole.
                    m.d.comb += self.status.eq(Status.NO_STORE)
                with m.Elif(~whole):
                    m.d.comb += self.status.eq(Status.WRONG_LENGTH)
                with m.Elif(~sound):
                    m.d.comb += self.status.eq(Status.OUT_OF_RANGE)
                m.next = "idle"
        with m.If(self.begin & (number == self._first_settings)):
            m.d.sync += last_step.eq(self.first)
        return number, end, follows, fills
