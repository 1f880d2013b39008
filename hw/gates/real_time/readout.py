"""The readout of a real-time core: a time step a clock cycle, whatever image it belongs to."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import Formats, Readout
from captwin.hw.gates.readout import answer
from captwin.hw.gates.real_time.schedule import Schedule
from captwin.hw.gates.stores import Contents
from captwin.hw.gates.streams import Landing, Pipeline


def last_word(formats: Formats, classes: int, steps: int) -> data.StructLayout:
    """What the last layer gives of a time step: all spikes and membranes, and the step's number."""
    return data.StructLayout(
        {
            "spikes": classes,
            "membranes": data.ArrayLayout(formats.membrane_bits, classes),
            "step": range(max(steps, 2)),
        }
    )


class RealTimeReadout(wiring.Component):
    """Counts the spikes of the last layer for several images in turn, and answers once for each.

    It decides as :class:`ClassReadout` does. Classes are compared two by two, a cycle each time this halves them.

    Throughput: a word a cycle; it never waits, and keeps up to ROOM answers until they are taken. Latency:
    :meth:`latency` cycles from an image's last word to the answer.

    Parameters
    ----------
    kind : `most_spikes` or `first_spike`
    formats : the chip's number formats
    classes : neurons of the last layer
    steps : time steps of an inference
    word_shape : :func:`last_word`
    stores_from : None, as a real-time core is never loadable

    Attributes
    ----------
    words : stream of :func:`last_word`, in. In the order of the loop (:class:`Schedule`).
    answer : stream of :func:`answer`, out. One for each inference.
    contents : nothing, as no store is written.
    ROOM : class attribute. Images that may be under way at once, so that no answer is lost.
    """

    ROOM = 32

    def __init__(
        self,
        kind: Readout,
        formats: Formats,
        *,
        classes: int,
        steps: int,
        word_shape: data.StructLayout,
        stores_from: None = None,
    ) -> None:
        self.kind = kind
        self.formats = formats
        self.classes = classes
        self.schedule = Schedule(steps)
        self.lanes = classes
        self.contents: list[Contents] = []
        super().__init__(
            {
                "words": In(stream.Signature(word_shape)),
                "answer": Out(stream.Signature(answer(formats, classes, steps))),
            }
        )

    @staticmethod
    def latency(classes: int) -> int:
        """Cycles from the word that completes an image to its answer on the stream."""
        return 3 + (classes - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, pipe, control = self.words.payload, Pipeline(m), Pipeline(m, resets=True)
        m.d.comb += self.words.ready.eq(1)
        control["final", 0] = self.words.valid & (word.step == self.schedule.steps - 1)
        pipe["membranes", 0] = Value.cast(word.membranes)
        now = self._count(m, pipe)
        pipe["counts", 1] = Value.cast(now.counts)
        if self.kind == "first_spike":
            pipe["membranes", 1], pipe["steps", 1] = Value.cast(now.membranes), now.steps
        else:
            pipe["steps", 1] = Const(self.schedule.steps)
        label, stage = self._compare(pipe)
        landing = Landing(m, self.answer, self.ROOM, entering=control["final", 0], arriving=control["final", stage])
        m.d.comb += landing.beat.label.eq(label)
        for name in ("steps", "counts", "membranes"):
            m.d.comb += Value.cast(landing.beat[name]).eq(pipe[name, stage])
        return m

    def _count(self, m: Module, pipe: Pipeline) -> data.View:
        """What is known of the word's image after its step, in stage 1: it comes round again with the image's next."""
        early = self.kind == "first_spike"
        steps, word = self.schedule.steps, self.words.payload
        frozen = {"membranes": word.membranes.shape(), "steps": range(steps + 1), "decided": 1} if early else {}
        layout = data.StructLayout({"counts": data.ArrayLayout(range(steps + 1), self.classes)} | frozen)
        now, after = Signal(layout, name="now", reset_less=True), Signal(layout, name="after")
        pipe["now", 1] = Value.cast(now)
        before = data.View(layout, pipe["now", self.schedule.loop])
        fresh = word.step == 0
        for number in range(self.classes):
            m.d.comb += after.counts[number].eq(Mux(fresh, 0, before.counts[number]) + word.spikes[number])
        if early:
            m.d.comb += [
                after.membranes.eq(word.membranes),
                after.steps.eq(word.step + 1),
                after.decided.eq(word.spikes.any()),
            ]
            with m.If(before.decided & ~fresh):
                m.d.comb += after.eq(before)
        m.d.sync += now.eq(after)
        return now

    def _compare(self, pipe: Pipeline) -> tuple[Value, int]:
        """The class with most spikes, then with the larger membrane, then with the lower number; and its stage."""
        counts = data.View(data.ArrayLayout(range(self.schedule.steps + 1), self.classes), pipe["counts", 1])
        membranes = data.View(
            data.ArrayLayout(self.formats.membrane_bits, self.classes),
            pipe["membranes", 1],
        )
        rivals = list(range(self.classes))
        for number in rivals:
            pipe[f"rank{number}_", 1], pipe[f"label{number}_", 1] = (
                Cat(membranes[number], counts[number]),
                Const(number, range(max(self.classes, 2))),
            )
        stage = 1
        while len(rivals) > 1:
            for lower, upper in zip(rivals[::2], rivals[1::2], strict=False):
                more = pipe[f"rank{upper}_", stage] > pipe[f"rank{lower}_", stage]
                for name in ("rank", "label"):
                    better = Mux(more, pipe[f"{name}{upper}_", stage], pipe[f"{name}{lower}_", stage])
                    pipe.register(f"{name}{lower}_", stage + 1, better)
            rivals = rivals[::2]
            stage += 1
        return pipe["label0_", stage], stage
