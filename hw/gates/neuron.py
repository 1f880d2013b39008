"""The neurons of a layer: drive, threshold curve and surface of DESIGN's arithmetic, `lanes` neurons a cycle."""

from collections.abc import Collection
from functools import cached_property

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import STEP_BITS, Formats, Layer
from captwin.hw.gates.response import STAGES, Parameters, Response
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import COPY, Landing, Pipeline

#: what neuron results can hold besides spikes: new membranes, and the drives and sums that they came from
SHOWN = ("membranes", "drives", "sums")
#: clock cycles that a neuron by itself takes at most, of any kind of layers
CYCLES_AT_MOST = 40


def shown_by(number: int, layers: int, *, trace: bool) -> Collection[str]:
    """What the results of layer ``number`` of ``layers`` hold besides spikes: all of SHOWN if ``trace``, else what the
    readout needs of the last layer."""
    if trace:
        return SHOWN
    return ("membranes",) if number == layers - 1 else ()


def neuron_word(formats: Formats, lanes: int, sum_shape: object, shows: Collection[str] = SHOWN) -> data.StructLayout:
    """One beat of neuron results: spikes, and those numbers of SHOWN that ``shows`` names."""
    shapes = {"membranes": formats.membrane_bits, "drives": formats.drive_bits, "sums": sum_shape}
    return data.StructLayout(
        {"spikes": lanes, "last": 1} | {name: data.ArrayLayout(shapes[name], lanes) for name in SHOWN if name in shows}
    )


class Neurons(wiring.Component):
    """Updates the layer's neurons once per time step, ``lanes`` at a time, as `docs/arithmetic.md` states.

    Words of sums come in, words of results leave, in the order of the neurons; the unit counts words and steps
    by itself and starts each inference of ``steps`` steps from rest.

    Throughput: a word a cycle, as long as the layer has at least LATENCY words; else a step every LATENCY cycles, as a
    step starts LATENCY cycles after the one before, so that each word finds its neurons' new state.
    Latency: LATENCY + 1 cycles from a word of sums to its results, which hold what ``shows`` names of SHOWN.

    Tables, parameters and settings can be written by ``load`` if ``stores_from`` says what number the first has.
    """

    LATENCY = STAGES
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
                #: spikes fired, and drives clamped at either end, in the cycle before
                "fired": Out(range(lanes + 1)),
                "saturated": Out(range(lanes + 1)),
            }
            | load_port(stores_from)
        )
        self._parameters = Parameters([layer], formats, whole=stores_from is not None)
        self._settings = data.StructLayout({"last_step": STEP_BITS, "rest": formats.membrane_bits})

    @cached_property
    def contents(self) -> list[Contents]:
        """What is in memory: settings, parameters lane by lane, thresholds, surfaces."""
        settings = self._settings.const({"last_step": self.steps - 1, "rest": self.layer.rest})
        return [
            Contents("settings", self._settings.size, [Value.cast(settings).value]),
            *self._parameters.contents(self.lanes),
            *Response.contents([self.layer], self.formats),
        ]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer, formats, lanes = self.layer, self.formats, self.lanes
        final = self.LATENCY - 1
        control, flow = Pipeline(m), Pipeline(m, resets=True)
        lane_pipes = [Pipeline(m, f"lane{n}_") for n in range(lanes)]

        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)

        # Stage 0: a word may enter once its neurons' state is there and if its result will find room in the queue.
        word, following = Signal(range(max(self.words, 2))), Signal(range(max(self.words, 2)))
        step = Signal(range(max(self.steps, 2)))
        pause = Signal(range(max(self.LATENCY - self.words, 1)))
        enter = Signal()
        last = Signal(init=self.words == 1)  # the word is the step's last
        control["word", 0], control["last", 0], control["fresh", 0] = word, last, step == 0
        flow["valid", 0] = enter
        valid = flow["valid", final]
        landing = Landing(m, self.results, self.QUEUE, entering=enter, arriving=valid)
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
                if self.words < self.LATENCY:
                    m.d.sync += [pause.eq(self.LATENCY - self.words - 1), self.sums.ready.eq(0)]

        m.d.comb += following.eq(Mux(last, 0, word + 1))

        parameters = self._parameters
        state = data.StructLayout({"v": formats.membrane_bits, "b": 1})
        writes: list[memory.WritePort] = []
        response = Response(m, [layer], formats, lanes, stores)

        for n, pipe in enumerate(lane_pipes):
            # Each lane's memories have the word's number to themselves: one for all would have to reach far.
            m.submodules[f"state{n}"] = states = memory.Memory(shape=state, depth=self.words, init=[])
            found = {}
            for name, port in (
                ("parameters", stores.memory(f"parameters{n}").read_port()),
                ("state", states.read_port()),
            ):
                place = Signal.like(word, name=f"{name}{n}_word", attrs=COPY)
                with m.If(enter):
                    m.d.sync += place.eq(following)
                m.d.comb += port.addr.eq(place)
                found[name] = port.data
            writes.append(states.write_port())
            pipe["acc", 0] = self.sums.payload[n]
            kept = data.View(parameters.stored, found["parameters"])
            for name in parameters.shapes:
                pipe[name, 1] = kept[name]
            pipe["v", 1] = Mux(control["fresh", 1], settings.rest, found["state"].v)
            pipe["b", 1] = Mux(control["fresh", 1], 0, found["state"].b)
            response.follow(pipe, parameters, n)

        # Last stage: write the state back, queue the results.
        present = Signal(lanes)
        absent = self.words * lanes - layer.columns
        everyone = (1 << lanes) - 1
        m.d.comb += present.eq(Mux(control["last", final], everyone >> absent, everyone))
        result = landing.beat
        m.d.comb += result.last.eq(control["last", final])
        for n, (pipe, write) in enumerate(zip(lane_pipes, writes, strict=True)):
            m.d.comb += [
                write.addr.eq(control["word", final]),
                write.en.eq(valid),
                write.data.v.eq(pipe["membrane", final]),
                write.data.b.eq(pipe["spike", final]),
                result.spikes[n].eq(pipe["spike", final] & present[n]),
            ]
            for shown, name in (("membranes", "membrane"), ("drives", "u"), ("sums", "acc")):
                if shown in self.shows:
                    m.d.comb += result[shown][n].eq(pipe[name, final])
        m.d.sync += [
            self.fired.eq(Mux(valid, sum(result.spikes[n] for n in range(lanes)), 0)),
            self.saturated.eq(
                Mux(valid, sum(pipe["saturated", final] & present[n] for n, pipe in enumerate(lane_pipes)), 0)
            ),
        ]
        return m
