"""The readout: counts the spikes of the last layer and names the class."""

from collections.abc import Sequence
from functools import cached_property

from amaranth import Array, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import STEP_BITS, Formats, Readout
from captwin.hw.gates.stores import Contents, Stores, load_port


def answer(formats: Formats, classes: int, steps: int) -> data.StructLayout:
    """A decision: the class (``label``), the time ``steps`` that it took, and of every class after that step the number
    of its spikes (``counts``) and the code of its membrane (``membranes``)."""
    return data.StructLayout(
        {
            "label": range(max(classes, 2)),
            "steps": range(steps + 1),
            "counts": data.ArrayLayout(range(steps + 1), classes),
            "membranes": data.ArrayLayout(formats.membrane_bits, classes),
        }
    )


class ClassReadout(wiring.Component):
    """Counts the spikes of the last layer and answers once per inference of ``steps`` time steps.

    It decides after the last step, or, if ``kind`` is `first_spike`, after the first step in which a neuron fires; the
    rest of that inference is then let pass. Most spikes win, then the larger membrane, then the lower index.

    Throughput: a word a cycle until it decides. Latency: ``classes`` + LATENCY cycles from the word that decides to the
    answer; no words are taken meanwhile, nor until the answer has been taken.

    Parameters
    ----------
    kind : `most_spikes` or `first_spike`
    formats : the chip's number formats
    classes : neurons of the last layer
    steps : time steps of an inference; what a loadable core takes at most
    word_shape : what the last layer's results are, with membranes (:func:`neuron_word`)
    stores_from : number of its store; None for settings that are never written

    Attributes
    ----------
    words : stream of ``word_shape``, in. The last layer's results, step by step.
    answer : stream of :func:`answer`, out. One for each inference.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes the settings.
    """

    LATENCY = 2

    def __init__(
        self,
        kind: Readout,
        formats: Formats,
        *,
        classes: int,
        steps: int,
        word_shape: data.StructLayout,
        stores_from: int | None = None,
    ) -> None:
        self.kind = kind
        self.stores_from = stores_from
        self.formats = formats
        self.classes = classes
        self.steps = steps
        self.lanes = word_shape["spikes"].width
        super().__init__(
            {
                "words": In(stream.Signature(word_shape)),
                "answer": Out(stream.Signature(answer(formats, classes, steps))),
            }
            | load_port(stores_from)
        )
        self._settings = data.StructLayout({"last_step": STEP_BITS, "classes": range(classes + 1), "first_spike": 1})

    @cached_property
    def contents(self) -> list[Contents]:
        """What its store holds, the settings: the last step's number, how many classes there are, and the kind."""
        return [Contents("settings", self._settings.size, [self.settings(self.classes)])]

    def settings(self, classes: int) -> int:
        """The settings, as a word, with which only the first ``classes`` are compared."""
        numbers = {"last_step": self.steps - 1, "classes": classes, "first_spike": self.kind == "first_spike"}
        return Value.cast(self._settings.const(numbers)).value

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)
        words = -(-self.classes // self.lanes)
        word = Signal(range(max(words, 2)))
        step = Signal(range(max(self.steps, 2)))
        beat, out = self.words.payload, self.answer.payload
        decided = Signal()
        fired = Signal()
        rival = Signal(range(self.classes + 1))
        last_step = Signal()
        m.d.comb += last_step.eq(step == settings.last_step)

        # Registers that are not reset: a port's would be.
        counts = [Signal(range(self.steps + 1), name=f"count{n}", reset_less=True) for n in range(self.classes)]
        membranes = [
            Signal(self.formats.membrane_bits, name=f"membrane{n}", reset_less=True) for n in range(self.classes)
        ]
        for field, registers in ((out.counts, counts), (out.membranes, membranes)):
            m.d.comb += [element.eq(register) for element, register in zip(field, registers, strict=True)]
        challenger = Signal(
            data.StructLayout({"count": range(self.steps + 1), "membrane": self.formats.membrane_bits}), reset_less=True
        )
        best = Signal.like(challenger)
        challenging = Signal()
        m.d.sync += [challenger.count.eq(Array(counts)[rival]), challenger.membrane.eq(Array(membranes)[rival])]
        with m.FSM():
            with m.State("watch"):
                m.d.comb += self.words.ready.eq(1)
                with m.If(self.words.valid):
                    with m.If(~decided):
                        self._count(m, word, step, counts, membranes)
                        m.d.sync += [fired.eq(fired | beat.spikes.any()), out.steps.eq(step + 1)]
                    m.d.sync += word.eq(word + 1)
                    with m.If(beat.last):
                        m.d.sync += [word.eq(0), step.eq(Mux(last_step, 0, step + 1)), fired.eq(0)]
                        early = settings.first_spike & (fired | beat.spikes.any())
                        with m.If(~decided & (last_step | early)):
                            m.d.sync += [decided.eq(~last_step), out.label.eq(0), rival.eq(0)]
                            m.d.sync += [best.eq(0), challenging.eq(0)]
                            m.next = "compare"
                        with m.Elif(last_step):
                            m.d.sync += decided.eq(0)
            with m.State("compare"):
                more = challenger.count > best.count
                level = challenger.count == best.count
                with m.If(challenging & (more | (level & (challenger.membrane > best.membrane)))):
                    m.d.sync += [out.label.eq(rival - 1), best.eq(challenger)]
                m.d.sync += [challenging.eq(1), rival.eq(rival + 1)]
                with m.If(rival == settings.classes):
                    m.next = "answer"
            with m.State("answer"):
                m.d.comb += self.answer.valid.eq(1)
                with m.If(self.answer.ready):
                    m.next = "watch"
        return m

    def _count(
        self, m: Module, word: Signal, step: Signal, counts: Sequence[Signal], membranes: Sequence[Signal]
    ) -> None:
        """Takes number ``word`` of the step's words into ``counts`` and ``membranes``."""
        beat = self.words.payload
        for n in range(self.classes):
            with m.If(word == n // self.lanes):
                fires = beat.spikes[n % self.lanes]
                first = step == 0
                m.d.sync += [
                    counts[n].eq(Mux(first, 0, counts[n]) + fires),
                    membranes[n].eq(beat.membranes[n % self.lanes]),
                ]
