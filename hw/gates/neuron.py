"""The neurons of a layer: drive, threshold curve and surface as `docs/arithmetic.md` has them, several a cycle."""

from collections.abc import Collection
from functools import cached_property

from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import dither
from captwin.hw.chip import STEP_BITS, Formats, Layer
from captwin.hw.gates.response import PARAMETERS, Parameters, Response, stages
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import COPY, Landing, Pipeline
from captwin.hw.lfsr import bits_after, shift_register

#: what neuron results can hold besides spikes: new membranes, and the drives and sums that they came from
SHOWN = ("membranes", "drives", "sums")
#: names of the memories of neurons' states, before the lane's number; a family's synthesis may choose what they become
STATE = "state"
#: clock cycles that a neuron by itself takes at most, of any kind of layers
CYCLES_AT_MOST = 40


def shown_by(number: int, layers: int, *, trace: bool) -> Collection[str]:
    """What the results of layer ``number`` of ``layers`` hold besides spikes: all of SHOWN if ``trace``, else what the
    readout needs of the last layer."""
    if trace:
        return SHOWN
    return ("membranes",) if number == layers - 1 else ()


def neuron_word(formats: Formats, lanes: int, sum_shape: object, shows: Collection[str] = SHOWN) -> data.StructLayout:
    """One beat of results, of ``lanes`` neurons: ``spikes``, and those arrays of numbers that ``shows`` names of SHOWN.

    ``last`` marks the last beat of a time step. Lanes beyond the layer's last neuron never spike; their numbers mean
    nothing. ``sum_shape`` is the shape of a sum.
    """
    shapes = {"membranes": formats.membrane_bits, "drives": formats.drive_bits, "sums": sum_shape}
    return data.StructLayout(
        {"spikes": lanes, "last": 1} | {name: data.ArrayLayout(shapes[name], lanes) for name in SHOWN if name in shows}
    )


class Neurons(wiring.Component):
    """Updates the layer's neurons once per time step, ``lanes`` at a time, as `docs/arithmetic.md` states.

    It counts words and time steps by itself, and starts each inference of ``steps`` time steps from rest.

    Throughput: a word a cycle if the layer has :meth:`latency` words or more; else a time step every :meth:`latency`
    cycles, since a step starts as many cycles after the one before, so that each word finds its neurons' new state.
    Latency: :meth:`latency` + 1 cycles from a word of sums to its results.

    Parameters
    ----------
    layer, formats : the layer of the chip, and the chip's number formats
    steps : time steps of an inference; what a loadable core takes at most
    lanes : neurons updated a cycle, a power of two
    shows : what the results hold besides spikes (:func:`neuron_word`)
    stores_from : number of the first store; None for memories that are never written

    Attributes
    ----------
    sums : stream of ``lanes`` signed sums, in. The layer's neurons in their order, neuron 0 in lane 0 of the first
        word; what is in lanes beyond the last neuron does not matter.
    results : stream of :func:`neuron_word`, out. A word for each word of sums, in the same order.
    fired : out. Neurons that fired in the word that was finished in the cycle before, 0 to ``lanes``.
    saturated : out. Drives in that word that were clamped at either end, 0 to ``lanes``.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes settings, parameters and tables.
    """

    #: results that fit between the pipeline's end and whoever takes them
    QUEUE = 32

    def __init__(
        self,
        layer: Layer,
        formats: Formats,
        *,
        steps: int,
        lanes: int,
        shows: Collection[str] = SHOWN,
        stores_from: int | None = None,
    ) -> None:
        self.layer = layer
        self.formats = formats
        self.steps = steps
        self.lanes = lanes
        self.shows = shows
        self.stores_from = stores_from
        self.words = -(-layer.columns // lanes)
        self.sum_shape = signed(formats.accumulator_bits(layer.rows))
        super().__init__(
            {
                "sums": In(stream.Signature(data.ArrayLayout(self.sum_shape, lanes))),
                "results": Out(stream.Signature(neuron_word(formats, lanes, self.sum_shape, shows))),
                "fired": Out(range(lanes + 1)),
                "saturated": Out(range(lanes + 1)),
            }
            | load_port(stores_from)
        )
        self._latency = self.latency(layer)
        self._parameters = Parameters([layer], formats, whole=stores_from is not None)
        widths, (self._dither,) = dither.settings([layer], formats.drive_bits)
        self._settings = data.StructLayout({"last_step": STEP_BITS, "rest": formats.membrane_bits, **widths})

    @staticmethod
    def latency(layer: Layer) -> int:
        """Cycles from a word of sums to the registers that hold its results; more if ``layer`` has four surfaces."""
        return stages(layer)

    @cached_property
    def contents(self) -> list[Contents]:
        """What its stores hold: settings, parameters lane by lane, thresholds, surfaces."""
        settings = self._settings.const({"last_step": self.steps - 1, "rest": self.layer.rest, **self._dither})
        return [
            Contents("settings", self._settings.size, [Value.cast(settings).value]),
            *self._parameters.contents(self.lanes),
            *Response.contents([self.layer], self.formats),
        ]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        control, flow = Pipeline(m), Pipeline(m, resets=True)
        lane_pipes = [Pipeline(m, f"lane{lane}_") for lane in range(self.lanes)]
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)
        enter, following, landing = self._take_words(m, control, flow, settings)
        amplitudes = [] if self.layer.dither is None else [settings.amplitude]
        if amplitudes and self.stores_from is None:
            amplitudes = [Const(self._dither["amplitude"])]
        response = Response(m, [self.layer], self.formats, self.lanes, stores, amplitudes)
        writes = []
        for lane, pipe in enumerate(lane_pipes):
            states, parameters = self._lane_memories(m, stores, lane, enter, following)
            writes.append(states.write_port())
            pipe["acc", 0] = self.sums.payload[lane]
            if amplitudes:
                pipe["random", 0] = bits_after(control["state", 0], lane * dither.NUMBER_BITS, dither.NUMBER_BITS)
            for name in self._parameters.shapes:
                pipe[name, 1] = parameters[name]
            state = states.read_ports[0].data
            pipe["v", 1] = Mux(control["fresh", 1], settings.rest, state.v)
            pipe["b", 1] = Mux(control["fresh", 1], 0, state.b)
            response.follow(pipe, self._parameters, lane)
        self._finish_words(m, control, flow, lane_pipes, writes, landing)
        return m

    def _take_words(
        self, m: Module, control: Pipeline, flow: Pipeline, settings: data.View
    ) -> tuple[Signal, Signal, Landing]:
        """Stage 0: a word may enter once its neurons' state is there, and if its result will find room in the queue.

        Returns whether a word enters, the number of the word after it, and the queue.
        """
        word, following = Signal(range(max(self.words, 2))), Signal(range(max(self.words, 2)))
        step = Signal(range(max(self.steps, 2)))
        pause = Signal(range(max(self._latency - self.words, 1)))
        enter = Signal()
        last = Signal(init=self.words == 1)  # the word is the step's last
        control["word", 0], control["last", 0], control["fresh", 0] = word, last, step == 0
        flow["valid", 0] = enter
        arriving = flow["valid", self._latency - 1]
        landing = Landing(m, self.results, self.QUEUE, entering=enter, arriving=arriving)
        m.d.comb += enter.eq(self.sums.valid & self.sums.ready)
        # Registered, since the sums wait for it far away; up to two words are not counted yet.
        m.d.sync += self.sums.ready.eq((pause == 0) & (landing.taken <= self.QUEUE - 2))
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(enter):
            m.d.sync += word.eq(following)
            if self.words > 1:
                m.d.sync += last.eq(word == self.words - 2)
            with m.If(last):
                m.d.sync += step.eq(Mux(step == settings.last_step, 0, step + 1))
                if self.words < self._latency:
                    m.d.sync += [pause.eq(self._latency - self.words - 1), self.sums.ready.eq(0)]

        m.d.comb += following.eq(Mux(last, 0, word + 1))
        if self.layer.dither is not None:
            full, absent = self.lanes * dither.NUMBER_BITS, self.words * self.lanes - self.layer.columns
            control["state", 0] = shift_register(
                m,
                settings.seed,
                take=enter,
                bits=full,
                last=last,
                last_bits=full - absent * dither.NUMBER_BITS,
                restart=last & (step == settings.last_step),
            )
        return enter, following, landing

    def _lane_memories(
        self, m: Module, stores: Stores, lane: int, enter: Signal, following: Signal
    ) -> tuple[memory.Memory, data.View]:
        """The lane's memory of states, with a port that reads stage 1's, and its parameters in stage 1.

        Each lane's memories have the word's number to themselves: one for all would have to reach far.
        """
        state = data.StructLayout({"v": self.formats.membrane_bits, "b": 1})
        m.submodules[f"{STATE}{lane}"] = states = memory.Memory(shape=state, depth=self.words, init=[])
        parameters = stores.memory(f"{PARAMETERS}{lane}")
        ports = (parameters.read_port(), states.read_port())
        for name, port in zip((PARAMETERS, STATE), ports, strict=True):
            address = Signal.like(following, name=f"{name}{lane}_word", attrs=COPY)
            with m.If(enter):
                m.d.sync += address.eq(following)
            m.d.comb += port.addr.eq(address)
        return states, data.View(self._parameters.stored, ports[0].data)

    def _finish_words(
        self,
        m: Module,
        control: Pipeline,
        flow: Pipeline,
        lane_pipes: list[Pipeline],
        writes: list[memory.WritePort],
        landing: Landing,
    ) -> None:
        """Last stage: writes the states back, queues the results, counts."""
        final, lanes = self._latency - 1, self.lanes
        valid = flow["valid", final]
        present = Signal(lanes)
        absent = self.words * lanes - self.layer.columns
        everyone = (1 << lanes) - 1
        m.d.comb += present.eq(Mux(control["last", final], everyone >> absent, everyone))
        result = landing.beat
        m.d.comb += result.last.eq(control["last", final])
        for lane, (pipe, write) in enumerate(zip(lane_pipes, writes, strict=True)):
            m.d.comb += [
                write.addr.eq(control["word", final]),
                write.en.eq(valid),
                write.data.v.eq(pipe["membrane", final]),
                write.data.b.eq(pipe["spike", final]),
                result.spikes[lane].eq(pipe["spike", final] & present[lane]),
            ]
            for shown, name in (("membranes", "membrane"), ("drives", "u"), ("sums", "acc")):
                if shown in self.shows:
                    m.d.comb += result[shown][lane].eq(pipe[name, final])
        clamped = [pipe["saturated", final] & present[lane] for lane, pipe in enumerate(lane_pipes)]
        m.d.sync += [
            self.fired.eq(Mux(valid, sum(result.spikes[lane] for lane in range(lanes)), 0)),
            self.saturated.eq(Mux(valid, sum(clamped), 0)),
        ]
