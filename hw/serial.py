"""All layers of a chip, one weight and one neuron after the other: as little hardware as it takes."""

from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from amaranth import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import STEP_BITS, Formats, Layer
from hw.errors import CaptwinError
from hw.load import ADDRESS_BITS, Contents, Stores, load_port
from hw.neuron import neuron_word
from hw.reset import reset_by_register
from hw.response import STAGES, Parameters, Response
from hw.streams import Held, Pipeline, spike_word


class SerialLayers(wiring.Component):
    """Takes spikes, ``width`` a word, through all ``layers`` by turns: the rows of a layer, then its neurons.

    ``results0``, ``results1``, ... are the layers' neurons, one a beat, in their order; ``shows`` names for each layer
    what they hold besides spikes (:func:`hw.neuron.neuron_word`). ``reset``, which is no port, is that of
    :class:`hw.core.Core`.

    A row takes ROW cycles, and one for each column if it has a spike; a neuron takes UPDATE cycles and the one in which
    its result goes. A word of spikes goes with its last row. Layers whose tables are the same share them.

    Weights, parameters, tables and settings can be written by ``load`` if ``stores_from`` says what number the
    first has.
    """

    ROW = 2
    #: what was added to a sum is read 3 cycles later
    UPDATE = STAGES + 3

    def __init__(
        self,
        layers: Sequence[Layer],
        formats: Formats,
        *,
        steps: int,
        width: int,
        shows: Sequence[Collection[str]],
        stores_from: int | None = None,
    ) -> None:
        self.layers = layers
        self.formats = formats
        self.steps = steps
        self.width = width
        self.shows = shows
        self.stores_from = stores_from
        self.reset = Signal()
        if stores_from is not None and max(layer.charges.size for layer in layers) > 1 << ADDRESS_BITS:
            raise CaptwinError(f"a loadable serial core has {1 << ADDRESS_BITS:,} weights a layer at most")
        self.sum_shapes = [signed(formats.accumulator_bits(layer.rows)) for layer in layers]
        results = {
            f"results{number}": Out(stream.Signature(neuron_word(formats, 1, shape, shown)))
            for number, (shape, shown) in enumerate(zip(self.sum_shapes, shows, strict=True))
        }
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(width))),
                #: in the cycle before, a bit for each layer: a row event taken, a neuron fired, a drive clamped
                "taken": Out(len(layers)),
                "fired": Out(len(layers)),
                "saturated": Out(len(layers)),
            }
            | results
            | load_port(stores_from)
        )
        self._parameters = Parameters(layers, formats, whole=stores_from is not None)
        self._settings = data.StructLayout(
            {"rest": data.ArrayLayout(formats.membrane_bits, len(layers)), "last_step": STEP_BITS}
        )

    @cached_property
    def contents(self) -> list[Contents]:
        """What is in memory: settings, each layer's weights row by row, all neurons' parameters, tables."""
        settings = self._settings.const({"rest": [layer.rest for layer in self.layers], "last_step": self.steps - 1})
        bits = self.formats.charge_bits
        return [
            Contents("settings", self._settings.size, [Value.cast(settings).value]),
            *(
                Contents(f"weights{number}", bits, [int(code) for code in layer.charges.ravel() & ((1 << bits) - 1)])
                for number, layer in enumerate(self.layers)
            ),
            *self._parameters.contents(1),
            *Response.contents(self.layers, self.formats),
        ]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inner = Module()
        self._build(inner)
        m.submodules.serial = reset_by_register(m, "serial", inner, self.reset)
        return m

    def _build(self, m: Module) -> None:
        layers = self.layers
        columns = [layer.columns for layer in layers]
        neurons = sum(columns)
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)

        layer = Signal(range(max(len(layers), 2)))
        step = Signal(STEP_BITS)
        lane = Signal(range(max(self.width, 2)))  # of the word of spikes
        source = Signal(range(max(neurons, 2)))  # neuron of the layer before that is the row
        column = Signal(range(max(max(columns), 2)))
        neuron = Signal(range(max(neurons, 2)))
        weight = Signal(range(max(max(layer.charges.size for layer in layers), 2)))
        waited = Signal(range(self.UPDATE))

        def of_layer(values: Sequence[Any]) -> Value:
            return Value.cast(values[0]) if len(layers) == 1 else Array(values)[layer]

        last_layer = layer == len(layers) - 1
        last_column = Signal()
        m.d.comb += last_column.eq(column == of_layer([number - 1 for number in columns]))

        # Sums: a weight is read, then registered with the sum so far, then added.
        sums_shape = max(self.sum_shapes, key=lambda shape: shape.width)
        m.submodules.sums = sums = memory.Memory(shape=sums_shape, depth=max(columns), init=[])
        kept, put = sums.read_port(), sums.write_port()
        add, clear = Signal(), Signal()
        adding = Pipeline(m, "adding_", resets=True)
        adding["now", 0], adding["column", 0] = add, column
        code, so_far = Signal(signed(self.formats.charge_bits)), Signal(sums_shape)
        weights = []
        for number in range(len(layers)):
            port = stores.memory(f"weights{number}").read_port()
            m.d.comb += port.addr.eq(weight)
            weights.append(port.data.as_signed())
        m.d.comb += [
            kept.addr.eq(column),
            put.addr.eq(Mux(clear, column, adding["column", 2])),
            put.data.eq(Mux(clear, 0, so_far + code)),
            put.en.eq(clear | adding["now", 2]),
        ]
        m.d.sync += [code.eq(of_layer(weights)), so_far.eq(kept.data)]

        # One neuron is in the pipeline at a time; what it comes from rests until its result has gone.
        update, write = Signal(), Signal()
        state = data.StructLayout({"v": self.formats.membrane_bits, "b": 1})
        m.submodules.states = states = memory.Memory(shape=state, depth=neurons, init=[])
        before, after = states.read_port(), states.write_port()
        parameters = stores.memory("parameters0").read_port()
        m.d.comb += [before.addr.eq(Mux(update, neuron, source)), parameters.addr.eq(neuron)]
        pipe = Held(m)
        pipe["acc", 0], pipe["layer", 0] = kept.data, layer
        numbers = data.View(self._parameters.stored, parameters.data)
        for name in self._parameters.shapes:
            pipe[name, 1] = numbers[name]
        fresh = step == 0
        pipe["v", 1] = Mux(fresh, of_layer(settings.rest), before.data.v)
        pipe["b", 1] = Mux(fresh, 0, before.data.b)
        Response(m, layers, self.formats, 1, stores).follow(pipe, self._parameters, 0)
        membrane, spike, u = (pipe[name, STAGES - 1] for name in ("membrane", "spike", "u"))
        m.d.comb += [
            after.addr.eq(neuron),
            after.data.v.eq(membrane),
            after.data.b.eq(spike),
            after.en.eq(write),
        ]
        offer = Signal()
        ready = []
        for number in range(len(layers)):
            results = getattr(self, f"results{number}")
            ready.append(results.ready)
            m.d.comb += [
                results.valid.eq(offer & (layer == number)),
                results.payload.spikes.eq(spike),
                results.payload.last.eq(last_column),
            ]
            for shown, value in (("membranes", membrane), ("drives", u), ("sums", kept.data)):
                if shown in self.shows[number]:
                    m.d.comb += results.payload[shown][0].eq(value)
        take = Signal()
        for counter, counted in (
            (self.taken, take),
            (self.fired, write & spike),
            (self.saturated, write & pipe["saturated", STAGES - 1]),
        ):
            m.d.sync += counter.eq(Mux(counted, 1 << layer, 0))

        # A layer's rows: bits of words of spikes, or the neurons of the layer before; looked up, then done.
        first_layer = layer == 0
        row_ends, last_lane, last_row = Signal(), Signal(), Signal()
        word, looked_up = self.spikes.payload, Signal()
        m.d.comb += [
            last_lane.eq(lane == self.width - 1),
            self.spikes.ready.eq(row_ends & first_layer & last_lane),
        ]
        m.d.sync += [
            looked_up.eq(word.spikes.bit_select(lane, 1)),
            last_row.eq(
                Mux(
                    first_layer,
                    word.last & last_lane,
                    source == of_layer([0, *(end - 1 for end in accumulate(columns[:-1]))]),
                )
            ),
        ]
        with m.If(row_ends):
            with m.If(first_layer):
                m.d.sync += lane.eq(Mux(last_lane, 0, lane + 1))
            with m.Else():
                m.d.sync += source.eq(source + 1)

        with m.FSM():
            with m.State("clear"):  # after a reset
                m.d.comb += clear.eq(1)
                m.d.sync += column.eq(column + 1)
                with m.If(column == max(columns) - 1):
                    m.d.sync += column.eq(0)
                    m.next = "look"
            with m.State("look"), m.If(~first_layer | self.spikes.valid):
                m.next = "row"
            with m.State("row"):
                with m.If(Mux(first_layer, looked_up, before.data.b)):
                    m.d.comb += take.eq(1)
                    m.next = "add"
                with m.Else():
                    m.d.comb += row_ends.eq(1)
                    m.d.sync += weight.eq(weight + of_layer(columns))
                    m.next = "look"
                    with m.If(last_row):
                        m.next = "update"
            with m.State("add"):
                m.d.comb += add.eq(1)
                m.d.sync += [column.eq(column + 1), weight.eq(weight + 1)]
                with m.If(last_column):
                    m.d.comb += row_ends.eq(1)
                    m.d.sync += column.eq(0)
                    m.next = "look"
                    with m.If(last_row):
                        m.next = "update"
            with m.State("update"):
                m.d.comb += update.eq(1)
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self.UPDATE - 1):
                    m.d.sync += waited.eq(0)
                    m.next = "offer"
            with m.State("offer"):
                m.d.comb += [update.eq(1), offer.eq(1)]
                with m.If(of_layer(ready)):
                    m.d.comb += [write.eq(1), clear.eq(1)]
                    m.d.sync += [column.eq(column + 1), neuron.eq(neuron + 1)]
                    m.next = "update"
                    with m.If(last_column):
                        m.d.sync += [column.eq(0), weight.eq(0), layer.eq(layer + 1)]
                        m.next = "look"
                        with m.If(last_layer):
                            m.d.sync += [layer.eq(0), neuron.eq(0), source.eq(0)]
                            m.d.sync += step.eq(Mux(step == settings.last_step, 0, step + 1))
