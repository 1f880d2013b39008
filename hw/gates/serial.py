"""Serial layers: all layers of a chip take turns in the same gates, one weight and one neuron at a time."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, ClassVar

from amaranth import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import dither
from captwin.hw.chip import STEP_BITS, Chip
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.neuron import CYCLES_AT_MOST, neuron_word, shown_by
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.readout import ClassReadout
from captwin.hw.gates.response import PARAMETERS, Parameters, Response, stages
from captwin.hw.gates.stores import Contents, MemorySize, Stores, load_port
from captwin.hw.gates.streams import Held, Pipeline, reset_by_register, spike_word
from captwin.hw.gates.tables import SurfaceStore, own_tables
from captwin.hw.lfsr import LFSR_BITS, bits_after


class SerialLayers(wiring.Component):
    """All layers of a chip by turns, the least hardware; a kind of layers (:class:`captwin.hw.gates.kinds.Layers`).

    In each time step the layers follow one another: first the rows of a layer, whose weights are added to the sums of
    its columns, then its neurons. Layers whose tables are the same share them.

    Throughput: a row takes ROW cycles, and one more for each column if it has a spike; a neuron takes :meth:`update`
    cycles, and one more in which its result is taken. Latency: a layer's first result is offered :meth:`update` + 1
    cycles after its last row. After a reset the sums are cleared first, in as many cycles as the largest layer has
    columns.

    Parameters
    ----------
    chip : the chip
    options : those of the core; ``pixel_lanes`` is the number of neurons in a word of incoming spikes
    stores_from : number of the first store; None for memories that are never written

    Attributes
    ----------
    spikes : stream of :func:`spike_word`, in. The encoder's spikes, step by step. A word is accepted with its last row.
    results0, results1, ... : streams of :func:`neuron_word`, out. Each layer's neurons in their order, one a beat. All
        of them must be taken, since all layers wait for that.
    taken, fired, saturated : out, a bit for each layer. In the cycle before a row event was taken, a neuron fired, a
        drive was clamped.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes settings, weights, parameters and tables.
    reset : a signal, not a port. As in :class:`Core`.
    shows : for each layer what its results hold besides spikes (:func:`neuron_word`).
    """

    #: cycles of a row without a spike: one to look at it, one to go on
    ROW = 2
    ENCODER: ClassVar[Any] = SpikeEncoder
    READOUT: ClassVar[Any] = ClassReadout
    IN_FLIGHT: ClassVar = 8

    def __init__(self, chip: Chip, options: CoreOptions, *, stores_from: int | None = None) -> None:
        layers, formats = chip.layers, chip.formats
        self.layers = layers
        self.formats = formats
        self.steps = chip.encoder.steps
        self.width = options.pixel_lanes
        self.shows = [shown_by(number, len(layers), trace=options.trace) for number in range(len(layers))]
        self.stores_from = stores_from
        self.reset = Signal()
        self.sum_shapes = [signed(formats.accumulator_bits(layer.rows)) for layer in layers]
        results = {
            f"results{number}": Out(stream.Signature(neuron_word(formats, 1, shape, shown)))
            for number, (shape, shown) in enumerate(zip(self.sum_shapes, self.shows, strict=True))
        }
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(self.width))),
                "taken": Out(len(layers)),
                "fired": Out(len(layers)),
                "saturated": Out(len(layers)),
            }
            | results
            | load_port(stores_from)
        )
        self._update_cycles = self.update(chip)
        self._parameters = Parameters(layers, formats, whole=stores_from is not None)
        dithers, self._dithers = dither.settings(layers, formats.drive_bits)
        widths = {"rest": formats.membrane_bits, **dithers}
        self._settings = data.StructLayout(
            {"last_step": STEP_BITS} | {name: data.ArrayLayout(width, len(layers)) for name, width in widths.items()}
        )

    @staticmethod
    def update(chip: Chip) -> int:
        """Cycles of a neuron until its result is offered: its sum can be read 3 cycles after the last addition."""
        return stages(chip.layers[0]) + 3

    @cached_property
    def contents(self) -> list[Contents]:
        """What its stores hold: settings, each layer's weights row by row, all neurons' parameters, tables."""
        dithers = {name: [own[name] for own in self._dithers] for name in self._dithers[0]}
        rests = [layer.rest for layer in self.layers]
        settings = self._settings.const({"last_step": self.steps - 1, "rest": rests, **dithers})
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

    @property
    def parts(self) -> dict[str, "SerialLayers"]:
        """See :attr:`captwin.hw.gates.kinds.Layers.parts`: one module for all layers."""
        return {"layers": self}

    @property
    def results(self) -> list[Any]:
        """The streams ``results0``, ``results1``, ..."""
        return [getattr(self, f"results{number}") for number in range(len(self.layers))]

    @property
    def word_shape(self) -> Any:
        """See :attr:`captwin.hw.gates.kinds.Layers.word_shape`."""
        return self.results[-1].payload.shape()

    def place(self, m: Module, spikes: Any, reset: Signal, trace: Callable[[int, Any], Any]) -> Any:
        """See :meth:`captwin.hw.gates.kinds.Layers.place`."""
        m.submodules.layers = self
        m.d.comb += self.reset.eq(reset)
        wiring.connect(m, spikes, self.spikes)
        for number, results in enumerate(self.results):
            results = trace(number, results)
            if number < len(self.layers) - 1:  # its spikes are kept here
                m.d.comb += results.ready.eq(1)
        return results

    def blocks(self) -> list[tuple[str, object, wiring.Component]]:
        """See :meth:`captwin.hw.gates.kinds.Layers.blocks`."""
        return [("serial layers", self.width, self)]

    @classmethod
    def memories(cls, chip: Chip, options: CoreOptions) -> list[MemorySize]:
        """See :meth:`captwin.hw.gates.kinds.Layers.memories`."""
        weights = [MemorySize(chip.formats.charge_bits, layer.charges.size) for layer in chip.layers]
        return weights + SurfaceStore.memories(own_tables(chip.layers), chip.formats, 1)

    @staticmethod
    def tables(chip: Chip) -> int:
        """How many neuron tables a core of ``chip`` has: one if that is that of all layers."""
        return len(own_tables(chip.layers))

    @staticmethod
    def word_lanes(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """See :meth:`captwin.hw.gates.kinds.Layers.word_lanes`."""
        return options.each("lanes", len(sizes) - 1)

    @staticmethod
    def rows_at_once(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """See :meth:`captwin.hw.gates.kinds.Layers.rows_at_once`."""
        return options.each("row_banks", len(sizes) - 1)

    @staticmethod
    def step_at_most(sizes: Sequence[int]) -> int:
        """See :meth:`captwin.hw.gates.kinds.Layers.step_at_most`."""
        return sum(rows * columns + columns * CYCLES_AT_MOST for rows, columns in pairwise(sizes))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inner = Module()
        self._build(inner)
        m.submodules.serial = reset_by_register(m, "serial", inner, self.reset)
        return m

    def _build(self, m: Module) -> None:
        columns = [layer.columns for layer in self.layers]
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)
        # Where it is.
        self._layer = Signal(range(max(len(columns), 2)))
        self._step = Signal(STEP_BITS)
        self._lane = Signal(range(max(self.width, 2)))  # of the word of spikes
        self._source = Signal(range(max(sum(columns), 2)))  # neuron of the layer before that is the row
        self._column = Signal(range(max(*columns, 2)))
        self._neuron = Signal(range(max(sum(columns), 2)))
        self._weight = Signal(range(max(*(layer.charges.size for layer in self.layers), 2)))
        # What it does.
        self._take, self._add, self._clear = Signal(), Signal(), Signal()
        self._update, self._offer, self._write = Signal(), Signal(), Signal()
        self._row_ends = Signal()

        total = self._sums(m, stores)
        fired = self._neurons(m, stores, settings, total)
        fires, last_row = self._rows(m, fired)
        self._turns(m, settings, fires, last_row)

    def _of_layer(self, values: Sequence[Any]) -> Value:
        """The one of ``values``, one for each layer, that belongs to the layer whose turn it is."""
        return Value.cast(values[0]) if len(self.layers) == 1 else Array(values)[self._layer]

    def _sums(self, m: Module, stores: Stores) -> Value:
        """Adds a weight to its column's sum when ``_add`` is high: both are read, registered, added.

        Returns the sum of column ``_column``, a cycle later.
        """
        shape = max(self.sum_shapes, key=lambda shape: shape.width)
        depth = max(layer.columns for layer in self.layers)
        m.submodules.sums = sums = memory.Memory(shape=shape, depth=depth, init=[])
        kept, put = sums.read_port(), sums.write_port()
        adding = Pipeline(m, "adding_", resets=True)
        adding["now", 0], adding["column", 0] = self._add, self._column
        code, so_far = Signal(signed(self.formats.charge_bits)), Signal(shape)
        weights = []
        for number in range(len(self.layers)):
            port = stores.memory(f"weights{number}").read_port()
            m.d.comb += port.addr.eq(self._weight)
            weights.append(port.data.as_signed())
        m.d.comb += [
            kept.addr.eq(self._column),
            put.addr.eq(Mux(self._clear, self._column, adding["column", 2])),
            put.data.eq(Mux(self._clear, 0, so_far + code)),
            put.en.eq(self._clear | adding["now", 2]),
        ]
        m.d.sync += [code.eq(self._of_layer(weights)), so_far.eq(kept.data)]
        return kept.data

    def _neurons(self, m: Module, stores: Stores, settings: data.View, total: Value) -> Value:
        """Updates one neuron at a time; its inputs stay as they are until its result has been taken.

        Returns whether the neuron that is the row of the next layer fired.
        """
        state = data.StructLayout({"v": self.formats.membrane_bits, "b": 1})
        neurons = sum(layer.columns for layer in self.layers)
        m.submodules.states = states = memory.Memory(shape=state, depth=neurons, init=[])
        before, after = states.read_port(), states.write_port()
        parameters = stores.memory(f"{PARAMETERS}0").read_port()
        m.d.comb += [
            before.addr.eq(Mux(self._update, self._neuron, self._source)),
            parameters.addr.eq(self._neuron),
        ]
        pipe = Held(m)
        pipe["layer", 0] = self._layer
        numbers = data.View(self._parameters.stored, parameters.data)
        for name in ("offset", "threshold_offset"):
            pipe[name, 1] = numbers[name]
        fresh = self._step == 0
        # A multiplier that is made of LUTs takes too long to have block RAM right before it.
        pipe.register("acc", 2, total)
        pipe.register("gain", 2, numbers.gain)
        pipe.register("v", 2, Mux(fresh, self._of_layer(settings.rest), before.data.v))
        pipe["b", 1] = Mux(fresh, 0, before.data.b)
        amplitudes = self._random(m, pipe, settings) if self._dithers[0] else []
        Response(m, self.layers, self.formats, 1, stores, amplitudes).follow(pipe, self._parameters, 0)
        last = stages(self.layers[0]) - 1
        membrane, spike, u, clamped = (pipe[name, last] for name in ("membrane", "spike", "u", "saturated"))
        m.d.comb += [
            after.addr.eq(self._neuron),
            after.data.v.eq(membrane),
            after.data.b.eq(spike),
            after.en.eq(self._write),
        ]
        for number, layer in enumerate(self.layers):
            results = getattr(self, f"results{number}")
            m.d.comb += [
                results.valid.eq(self._offer & (self._layer == number)),
                results.payload.spikes.eq(spike),
                results.payload.last.eq(self._column == layer.columns - 1),
            ]
            for shown, value in (("membranes", membrane), ("drives", u), ("sums", total)):
                if shown in self.shows[number]:
                    m.d.comb += results.payload[shown][0].eq(value)
        for counter, counted in (
            (self.taken, self._take),
            (self.fired, self._write & spike),
            (self.saturated, self._write & clamped),
        ):
            m.d.sync += counter.eq(Mux(counted, 1 << self._layer, 0))
        return before.data.b

    def _random(self, m: Module, pipe: Pipeline, settings: data.View) -> list[Value]:
        """The layers' shift registers, that of the layer whose turn it is first: each neuron takes its bits from it.

        Returns the layers' amplitudes.
        """
        states = [Signal(LFSR_BITS, name=f"state{number}") for number in range(len(self.layers))]
        seeded = Signal()  # high from the cycle after a reset on
        seeds = [settings.seed[number] for number in range(len(states))]
        moved = bits_after(states[0], dither.NUMBER_BITS, LFSR_BITS)
        last_column = self._column == self._of_layer([layer.columns - 1 for layer in self.layers])
        again = Mux(self._step == settings.last_step, self._of_layer(seeds), moved)
        m.d.sync += seeded.eq(1)
        with m.If(self._write):
            m.d.sync += states[0].eq(moved)
            with m.If(last_column):  # the next layer's comes first
                m.d.sync += [state.eq(after) for state, after in zip(states, [*states[1:], again], strict=True)]
        with m.If(~seeded):
            m.d.sync += [state.eq(seed) for state, seed in zip(states, seeds, strict=True)]
        pipe["random", 1] = states[0][: dither.NUMBER_BITS]
        if self.stores_from is None:
            return [Const(own["amplitude"]) for own in self._dithers]
        return [settings.amplitude[number] for number in range(len(states))]

    def _rows(self, m: Module, fired: Value) -> tuple[Value, Value]:
        """A layer's rows are bits of words of spikes, or the neurons of the layer before.

        Returns, a cycle after looking, whether the row has a spike, and whether it is the layer's last.
        """
        first_layer = self._layer == 0
        last_lane, last_row, in_word = Signal(), Signal(), Signal()
        word = self.spikes.payload
        lasts = [0, *(end - 1 for end in accumulate(layer.columns for layer in self.layers[:-1]))]
        m.d.comb += [
            last_lane.eq(self._lane == self.width - 1),
            self.spikes.ready.eq(self._row_ends & first_layer & last_lane),
        ]
        m.d.sync += [
            in_word.eq(word.spikes.bit_select(self._lane, 1)),
            last_row.eq(Mux(first_layer, word.last & last_lane, self._source == self._of_layer(lasts))),
        ]
        with m.If(self._row_ends):
            with m.If(first_layer):
                m.d.sync += self._lane.eq(Mux(last_lane, 0, self._lane + 1))
            with m.Else():
                m.d.sync += self._source.eq(self._source + 1)
        return Mux(first_layer, in_word, fired), last_row

    def _turns(self, m: Module, settings: data.View, fires: Value, last_row: Value) -> None:
        """Whose turn it is: the rows of a layer, its neurons, those of the next, the next step."""
        columns = [layer.columns for layer in self.layers]
        ready = [getattr(self, f"results{number}").ready for number in range(len(columns))]
        layer, column, weight = self._layer, self._column, self._weight
        last_column, waited = Signal(), Signal(range(self._update_cycles))
        m.d.comb += last_column.eq(column == self._of_layer([number - 1 for number in columns]))
        with m.FSM():
            with m.State("clear"):  # after a reset
                m.d.comb += self._clear.eq(1)
                m.d.sync += column.eq(column + 1)
                with m.If(column == max(columns) - 1):
                    m.d.sync += column.eq(0)
                    m.next = "look"
            with m.State("look"), m.If((layer != 0) | self.spikes.valid):
                m.next = "row"
            with m.State("row"):
                with m.If(fires):
                    m.d.comb += self._take.eq(1)
                    m.next = "add"
                with m.Else():
                    m.d.comb += self._row_ends.eq(1)
                    m.d.sync += weight.eq(weight + self._of_layer(columns))
                    m.next = "look"
                    with m.If(last_row):
                        m.next = "update"
            with m.State("add"):
                m.d.comb += self._add.eq(1)
                m.d.sync += [column.eq(column + 1), weight.eq(weight + 1)]
                with m.If(last_column):
                    m.d.comb += self._row_ends.eq(1)
                    m.d.sync += column.eq(0)
                    m.next = "look"
                    with m.If(last_row):
                        m.next = "update"
            with m.State("update"):
                m.d.comb += self._update.eq(1)
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self._update_cycles - 1):
                    m.d.sync += waited.eq(0)
                    m.next = "offer"
            with m.State("offer"):
                m.d.comb += [self._update.eq(1), self._offer.eq(1)]
                with m.If(self._of_layer(ready)):
                    m.d.comb += [self._write.eq(1), self._clear.eq(1)]
                    m.d.sync += [column.eq(column + 1), self._neuron.eq(self._neuron + 1)]
                    m.next = "update"
                    with m.If(last_column):
                        m.d.sync += [column.eq(0), weight.eq(0), layer.eq(layer + 1)]
                        m.next = "look"
                        with m.If(layer == len(columns) - 1):
                            m.d.sync += [layer.eq(0), self._neuron.eq(0), self._source.eq(0)]
                            m.d.sync += self._step.eq(Mux(self._step == settings.last_step, 0, self._step + 1))
