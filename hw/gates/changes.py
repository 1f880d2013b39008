"""Change events: which rows' spikes differ from those of the time step before."""

from functools import cached_property

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import STEP_BITS
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import change_word, spike_word


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
