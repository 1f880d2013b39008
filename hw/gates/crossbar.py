"""The memcapacitor crossbar: charge codes of active rows, summed for all columns in parallel."""

from functools import cached_property, reduce
from operator import or_

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import Formats
from captwin.hw.gates.events import bank_rows
from captwin.hw.gates.stores import Contents, MemorySize, Stores, load_port
from captwin.hw.gates.streams import COPY, Landing, Pipeline, event


class Crossbar(wiring.Component):
    """Adds the weight rows of active events and hands over the sums at the end of each time step.

    If events are ``changes``, sums are kept from one time step of an image to the next, and the rows of events that are
    ``off`` are subtracted. A sum may wrap around within a step; at its end it is exactly that of the rows with a spike.

    Columns are in groups of GROUP, each a cycle behind the group before it, and each column has control registers of
    its own: no register reaches far, and sums leave in that order anyway. Two groups share a memory.

    A step is handed over when every bank has ended it, the words of the step before have started to leave, all but
    EARLY of them have left, and these have room in the queue, all of that a cycle before. A bank that has ended its
    step waits for the others. Sums are double-buffered: the next step accumulates while the words of this one leave.

    Throughput: an event a cycle and bank in, a word of sums a cycle out. Latency: :meth:`latency` cycles from the
    hand-over, at best in the cycle of the step's last event, to the first word.

    Parameters
    ----------
    charges : (rows, columns) charge codes
    formats : the chip's number formats
    width : neurons in a word of the spikes that the events come from; with ``banks`` it says which row is in which
        bank (:func:`bank_rows`)
    banks : row events taken a cycle, a power of two
    lanes : columns in a word of sums, a power of two
    changes : whether events say which rows have changed, and not which have a spike
    stores_from : number of the first memory; None for memories that are never written

    Attributes
    ----------
    events : streams of :func:`event`, in, one for each bank; ``row`` is a place in the bank. Each has a beat with
        ``last`` for every time step.
    sums : stream of ``lanes`` signed sums, out. The columns in their order, column 0 in lane 0 of the first word; lanes
        beyond the last column hold 0. A time step has ``words`` words.
    taken : out. Row events taken in the cycle before, 0 to ``banks``.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes the memories.
    """

    #: columns that work in the same cycle; two groups fill whole block RAMs at every width of code
    GROUP = 18
    #: words of sums that fit between the last stage and whoever takes them
    QUEUE = 16
    #: a step may be handed over while so many words of the step before have yet to leave
    EARLY = 6
    #: fan-out tree of the signal that a word leaves: words for each copy of it, stage by stage
    SPREAD = (32, 4)

    def __init__(
        self,
        charges: np.ndarray,
        formats: Formats,
        *,
        width: int,
        banks: int,
        lanes: int,
        changes: bool = False,
        stores_from: int | None = None,
    ) -> None:
        self.charges = charges
        self.changes = changes
        self.stores_from = stores_from
        self.formats = formats
        self.banks = banks
        self.lanes = lanes
        rows, self.columns = charges.shape
        self.places = bank_rows(rows, width, banks)
        self.words = -(-self.columns // lanes)
        self.sum_shape = signed(formats.accumulator_bits(rows))
        super().__init__(
            {
                "events": In(stream.Signature(event(self.places.shape[1], changes=changes))).array(banks),
                "sums": Out(stream.Signature(data.ArrayLayout(self.sum_shape, lanes))),
                "taken": Out(range(banks + 1)),
            }
            | load_port(stores_from)
        )

    @cached_property
    def contents(self) -> list[Contents]:
        """What its stores hold: for each two groups of columns the charge codes in each bank."""
        bits, entries = self.formats.charge_bits, []
        for start in range(0, self.columns, 2 * self.GROUP):
            charges = self.charges[:, start : start + 2 * self.GROUP]
            padded = np.vstack([charges, np.zeros((1, charges.shape[1]), charges.dtype)])
            entries += [
                Contents(f"weights{bank}_{start}", bits * charges.shape[1], pack_rows(padded[places], bits))
                for bank, places in enumerate(self.places)
            ]
        return entries

    @classmethod
    def memories(cls, rows: int, columns: int, charge_bits: int, banks: int) -> list[MemorySize]:
        """The sizes of the memories of charge codes: in each bank, one for every two groups of columns."""
        pair = 2 * cls.GROUP
        widths = [charge_bits * min(pair, columns - first) for first in range(0, columns, pair)]
        return [MemorySize(width, -(-rows // banks)) for width in widths] * banks

    @classmethod
    def leave_stage(cls, columns: int, lanes: int) -> int:
        """The stage, counted from the hand-over, after which the first word may leave: 4, unless words are wider than
        groups. Each word that follows is then complete when its turn comes."""
        words = range(-(-columns // lanes))
        return 4 + max((min((word + 1) * lanes, columns) - 1) // cls.GROUP - word for word in words)

    @classmethod
    def travel(cls, columns: int, lanes: int) -> int:
        """Cycles from the decision that a word leaves until it is offered.

        Two for the decision to reach the word and two of the queue; with two words one more, with up to 8 two more,
        with up to 32 three more, and so on by factors of 4.
        """
        words, stages = -(-columns // lanes), 0
        while words > 1:
            words, stages = -(-words // (4 if stages else 2)), stages + 1
        return len(cls.SPREAD) + 2 + stages

    @classmethod
    def latency(cls, columns: int, lanes: int) -> int:
        """Cycles from a step's hand-over to its first word: 9 of a single narrow word."""
        return cls.leave_stage(columns, lanes) + 1 + cls.travel(columns, lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        control = Pipeline(m)
        hand_over = Signal()
        self._take(m, control, hand_over)
        held = []
        for first in range(0, self._skew(self.columns - 1) + 1, 2):
            held += self._pair(m, control, first)
        self._leave(m, held, hand_over)
        return m

    def _skew(self, column: int) -> int:
        """The number of its group: how many cycles it is behind column 0."""
        return column // self.GROUP

    def _take(self, m: Module, control: Pipeline, hand_over: Value) -> None:
        """Stage 0: takes events. A step is handed over once every bank has ended it; until then some wait.

        What is on its way when a reset comes changes only sums that are never read.
        """
        ended = Signal(self.banks)
        ending = Signal(self.banks)
        active = Signal(self.banks)
        begun = Signal()
        for bank, source in enumerate(self.events):
            m.d.comb += [
                source.ready.eq(~ended[bank]),
                ending[bank].eq(ended[bank] | (source.valid & source.payload.last)),
                active[bank].eq(source.valid & source.ready & source.payload.active),
            ]
            control[f"active{bank}_", 0] = active[bank]
            # A register that is cleared by another's opposite would have a LUT, and a long way to it, between.
            control[f"silent{bank}_", 0] = ~active[bank]
            control[f"row{bank}_", 0] = source.payload.row
            if self.changes:
                control[f"off{bank}_", 0] = active[bank] & source.payload.off
        # Sums start anew with the first event of the step, or with changes of the image, so nothing has to clear them.
        control["keep", 0] = begun
        control["over", 0] = hand_over
        self._ended = ending.all()
        m.d.sync += [
            begun.eq((begun | active.any()) & ~(hand_over & self._image_ends(m, ended) if self.changes else hand_over)),
            ended.eq(Mux(hand_over, 0, ending)),
            self.taken.eq(sum(active)),
        ]

    def _image_ends(self, m: Module, ended: Value) -> Value:
        """With changes, whether a step that is handed over is its image's last: the first bank's end of it says so."""
        first, end = self.events[0], Signal()
        with m.If(~ended[0]):
            m.d.sync += end.eq(first.payload.end)
        return Mux(ended[0], end, first.payload.end)

    def _pair(self, m: Module, control: Pipeline, first: int) -> list[Signal]:
        """The sums of the columns of groups ``first`` and ``first`` + 1, held from stage 7 + their group's number on.

        Rows are addressed in stage 1 + ``first``, read in 2 and registered in 3 (block RAM is slow and far away). They
        are masked in 4 + their group's number, added up over the banks in 5, accumulated in 6 and held in 7.
        """
        bits = self.formats.charge_bits
        columns = range(self.columns)[first * self.GROUP : (first + 2) * self.GROUP]
        before = first // 2 * self.banks
        contents = self.contents[before : before + self.banks]
        stores = Stores.of(m, self, contents, before)
        codes = Pipeline(m)
        for bank, entry in enumerate(contents):
            port = stores.memory(entry.name).read_port()
            m.d.comb += [
                port.addr.eq(control[f"row{bank}_", 1 + first]),
                port.en.eq(control[f"active{bank}_", 1 + first]),
            ]
            for n, column in enumerate(columns):
                codes[f"code{bank}_{column}_", 2 + first] = port.data[bits * n : bits * (n + 1)].as_signed()
        held = []
        for column in columns:
            skew = self._skew(column)
            keep = Signal(name=f"keep{column}", reset_less=True, attrs=COPY)
            over = Signal(name=f"over{column}", reset_less=True, attrs=COPY)
            masked = []
            for bank in range(self.banks):
                masked.append(Signal(signed(bits), name=f"masked{bank}_{column}", reset_less=True))
                code = codes[f"code{bank}_{column}_", 3 + skew]
                if self.changes:  # -code is ~code and 1, which is added where it is for nothing
                    code = (code ^ control[f"off{bank}_", 3 + skew].replicate(bits)).as_signed()
                m.d.sync += masked[-1].eq(Mux(control[f"silent{bank}_", 3 + skew], 0, code))
            partial = Signal(signed(bits + (self.banks - 1).bit_length()), name=f"partial{column}", reset_less=True)
            acc = Signal(self.sum_shape, name=f"acc{column}", reset_less=True)
            held.append(Signal(self.sum_shape, name=f"held{column}", reset_less=True))
            m.d.sync += [
                keep.eq(control["keep", 4 + skew]),
                over.eq(control["over", 5 + skew]),
                partial.eq(sum(masked + self._ones(control, 4 + skew, range(1, self.banks)))),
                acc.eq(sum(self._ones(control, 5 + skew, range(1)), Mux(keep, acc, 0) + partial)),
            ]
            with m.If(over):
                m.d.sync += held[-1].eq(acc)
        return held

    def _ones(self, control: Pipeline, stage: int, banks: range) -> list[Value]:
        """What ``banks`` add to the inverted codes of rows that are off, in ``stage``: 1 each, a carry into a sum.

        So many carries fit into the sums of several numbers as there are sums.
        """
        return [control[f"off{bank}_", stage] for bank in banks] if self.changes else []

    def _leave(self, m: Module, held: list[Signal], hand_over: Value) -> None:
        """Sends the held sums, a word a cycle, through a tree of gates, a stage of registers each."""
        words = [Cat(held[start : start + self.lanes]) for start in range(0, self.columns, self.lanes)]
        left = Signal(range(self.words + 1))
        waiting = Signal()
        free = Signal()
        leave = Signal()
        flow = Pipeline(m, resets=True)
        flow["leave", 0], flow["handed", 0] = leave, hand_over
        turn = self._turn(m, leave)
        stage, fan_in = 0, 2
        while len(words) > 1:
            if stage == 0:
                words = [Mux(mine, word, 0) for mine, word in zip(turn, words, strict=True)]
            sums = [reduce(or_, words[start : start + fan_in]) for start in range(0, len(words), fan_in)]
            words = [Signal(len(word), name=f"leaving{stage}_{n}", reset_less=True) for n, word in enumerate(sums)]
            m.d.sync += [word.eq(together) for word, together in zip(words, sums, strict=True)]
            stage, fan_in = stage + 1, 4
        arriving = len(self.SPREAD) + stage
        landing = Landing(m, self.sums, self.QUEUE, entering=leave, arriving=flow["leave", arriving])
        m.d.comb += [
            Value.cast(landing.beat).eq(words[0]),
            leave.eq((left != 0) & (landing.taken != self.QUEUE)),
            hand_over.eq(self._ended & free & ~waiting),
        ]
        # The words yet to leave must do so before the groups hold the next sums, hence without waiting for room.
        m.d.sync += free.eq(~waiting & (left <= self.EARLY) & (landing.taken <= self.QUEUE - self.EARLY))
        with m.If(leave):
            m.d.sync += left.eq(left - 1)
        with m.If(flow["handed", self.leave_stage(self.columns, self.lanes)]):
            m.d.sync += [left.eq(self.words), waiting.eq(0)]
        with m.If(hand_over):
            m.d.sync += waiting.eq(1)

    def _turn(self, m: Module, leave: Value) -> Signal:
        """A bit for each word of sums, set for the next one to leave.

        There is no counter of words, since that would have to reach all of them.
        """
        turn = Signal(self.words, init=1, reset_less=True)
        if self.words == 1:
            return turn
        # A reset cannot reach all bits in a cycle either: it takes the same tree. A register that is 0 after a reset
        # notices it, also where the reset is not the clock domain's own.
        running = Signal()
        m.d.sync += running.eq(1)
        steps, resets = self._spread(m, "leave", leave), self._spread(m, "reset", ~running)
        apart = self.SPREAD[-1]
        for first, step, reset in zip(range(0, self.words, apart), steps, resets, strict=True):
            for word in range(first, min(first + apart, self.words)):
                with m.If(reset):
                    m.d.sync += turn[word].eq(word == 0)
                with m.Elif(step):
                    m.d.sync += turn[word].eq(turn[word - 1])
        return turn

    def _spread(self, m: Module, name: str, source: Value) -> list[Signal]:
        """``source``, as many cycles later as SPREAD has stages: a copy for so many words each."""
        copies, apart = [source], self.words
        for stage, reach in enumerate(self.SPREAD):
            spread = []
            for first in range(0, self.words, reach):
                spread.append(Signal(name=f"{name}{stage}_{first}", reset_less=True, attrs=COPY))
                m.d.sync += spread[-1].eq(copies[first // apart])
            copies, apart = spread, reach
        return copies


def pack_rows(charges: np.ndarray, bits: int) -> list[int]:
    """Each row of signed codes as one integer, column 0 in the lowest ``bits``."""
    codes = charges.astype(np.int64) & ((1 << bits) - 1)
    planes = (codes[:, :, None] >> np.arange(bits)) & 1
    packed = np.packbits(
        planes.reshape(len(charges), charges.shape[1] * bits).astype(np.uint8), axis=1, bitorder="little"
    )
    return [int.from_bytes(row.tobytes(), "little") for row in packed]
