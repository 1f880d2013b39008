"""The neurons of a layer: drive, threshold curve and surface of DESIGN's arithmetic, `lanes` neurons a cycle."""

from collections.abc import Collection, Sequence
from functools import cached_property, reduce
from operator import or_

import numpy as np
from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import GAIN_BITS, STEP_BITS, Formats, Layer
from hw.load import Contents, Stores, load_port
from hw.streams import COPY, Landing, Pipeline

PARITIES = ("even", "odd")
#: what neuron results can hold besides spikes: new membranes, and the drives and sums that they came from
SHOWN = ("membranes", "drives", "sums")


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

    LATENCY = 21
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
        self._parameters = _Parameters(layer, formats, whole=stores_from is not None)
        self._settings = data.StructLayout({"rest": formats.membrane_bits, "last_step": STEP_BITS})

    @cached_property
    def contents(self) -> list[Contents]:
        """What is in memory: settings, parameters lane by lane, thresholds, surfaces."""
        settings = self._settings.const({"rest": self.layer.rest, "last_step": self.steps - 1})
        return [
            Contents("settings", self._settings.size, [Value.cast(settings).value]),
            *self._parameters.contents(self.lanes),
            *_CurveStore.contents(self.layer, self.formats),
            *_SurfaceStore.contents(self.layer, self.formats),
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
        curves = _CurveStore(m, layer, formats, lanes, stores)
        surfaces = _SurfaceStore(m, layer, formats, lanes, stores)

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
            self._drive(m, pipe, parameters)
            self._threshold(pipe, parameters, curves, n)
            self._surface(pipe, surfaces, n)
            pipe.register("spike", 12, pipe["u", 11] >= pipe["threshold", 11])

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

    def _drive(self, m: Module, pipe: Pipeline, parameters: "_Parameters") -> None:
        """Stages 2 to 5: u = clamp((acc * g + h + half) >> k); half is in the stored offset."""
        shift, top = self.layer.shift, self.formats.drive_max
        # A multiplier has a stage to itself before and behind it: FPGAs' are slow and far away.
        pipe.register("product", 3, pipe["acc", 2] * parameters.value(pipe, "gain", 2))
        pipe.register("scaled", 5, pipe["product", 4] + parameters.value(pipe, "offset", 4))
        scaled = pipe["scaled", 5] >> shift
        below, above = scaled < 0, scaled > top
        u = Signal(self.formats.drive_bits, name="drive")
        m.d.comb += u.eq(Mux(below, 0, Mux(above, top, scaled)))
        pipe.register("u", 6, u)
        pipe.register("saturated", 6, below | above)

    def _threshold(self, pipe: Pipeline, parameters: "_Parameters", curves: "_CurveStore", lane: int) -> None:
        """Stages 2 to 10: D from the curve over the old v, plus d."""
        fv = self.formats.membrane_fraction
        low, step = curves.read(lane, pipe, stage=2)
        pipe.register("curve_low", 6, low)
        pipe.register("curve_step", 6, step)
        pipe.register("curve_rise", 8, pipe["v", 7][:fv] * pipe["curve_step", 7])
        pipe.register("curve", 10, (_half_up(pipe["curve_low", 9], fv) + pipe["curve_rise", 9]) >> fv)
        pipe.register("threshold", 11, pipe["curve", 10] + parameters.value(pipe, "threshold_offset", 10))

    def _surface(self, pipe: Pipeline, surfaces: "_SurfaceStore", lane: int) -> None:
        """Stages 5 to 19: the new membrane, interpolated along u at both knots of v, then along v."""
        fv, fu = self.formats.membrane_fraction, self.formats.drive_fraction
        knots = surfaces.read(lane, pipe, stage=5)
        for row, (low, step) in enumerate(knots):
            pipe.register(f"low{row}_", 11, low)
            pipe.register(f"step{row}_", 11, step)
            pipe.register(f"rise{row}_", 13, pipe["u", 12][:fu] * pipe[f"step{row}_", 12])
            along = _half_up(pipe[f"low{row}_", 14], fu) + pipe[f"rise{row}_", 14]
            # It lies between two knots: a bit more would not fit FPGAs' multipliers of 18 bits.
            pipe.register(f"along{row}_", 15, along[: self.formats.membrane_bits + fu])
        pipe.register("slope", 16, pipe["along1_", 15] - pipe["along0_", 15])
        pipe.register("climb", 18, pipe["v", 17][:fv] * pipe["slope", 17])
        total = (pipe["along0_", 19] << fv) + pipe["climb", 19]
        pipe.register("membrane", 20, (total >> (fv + fu))[: self.formats.membrane_bits])


class _Parameters:
    """Gain, offset and threshold offset of each neuron, stored ``whole`` or without the high bits that all of them
    share."""

    def __init__(self, layer: Layer, formats: Formats, *, whole: bool) -> None:
        half = 1 << (layer.shift - 1)
        self.shapes = {
            "gain": unsigned(GAIN_BITS),
            "offset": signed(formats.drive_bits + layer.shift + 3),  # with the half that rounds
            "threshold_offset": signed(formats.drive_bits + 1),
        }
        numbers = {"gain": layer.gains, "offset": layer.offsets + half, "threshold_offset": layer.threshold_offsets}
        self._codes = {
            name: [int(number) & ((1 << shape.width) - 1) for number in numbers[name]]
            for name, shape in self.shapes.items()
        }
        differing = {name: reduce(or_, (code ^ codes[0] for code in codes)) for name, codes in self._codes.items()}
        self._widths = {name: bits.bit_length() for name, bits in differing.items()}
        self._widths["offset"] = max(self._widths["offset"], 1)  # a memory has a bit at least
        if whole:
            self._widths = {name: shape.width for name, shape in self.shapes.items()}
        self.stored = data.StructLayout(self._widths)

    def contents(self, lanes: int) -> list[Contents]:
        """Each lane's memory; lanes beyond the last neuron repeat the first one's."""
        neurons = []
        for codes in zip(*self._codes.values(), strict=True):
            place, word = 0, 0
            for code, width in zip(codes, self._widths.values(), strict=True):
                word |= (code & ((1 << width) - 1)) << place
                place += width
            neurons.append(word)
        neurons += [neurons[0]] * (-len(neurons) % lanes)
        return [Contents(f"parameters{n}", self.stored.size, neurons[n::lanes]) for n in range(lanes)]

    def value(self, pipe: Pipeline, name: str, stage: int) -> Value:
        """The whole number, from its low bits in ``pipe``."""
        shape, width = self.shapes[name], self._widths[name]
        whole = Cat(pipe[name, stage], Const(self._codes[name][0] >> width, shape.width - width))
        return whole.as_signed() if shape.signed else whole


def _half_up(value: Value, bits: int) -> Value:
    """``value`` shifted left by ``bits``, plus the half of one that rounds when it is shifted back."""
    return Cat(Const(1 << (bits - 1), bits), value)


def _split(index: Value, parity: int) -> Value:
    """Which entry of the memory of even (0) or odd (1) knots serves the interval between knots index and index + 1."""
    return (index + (1 - parity)) >> 1


class _CurveStore:
    """Threshold curves in two memories, knots of even and of odd number, so that neighbours are read at once."""

    def __init__(self, m: Module, layer: Layer, formats: Formats, lanes: int, stores: Stores) -> None:
        self._formats = formats
        self._halves = self._in_halves(layer)
        self._ports = []
        for entry in self.contents(layer, formats):
            store = stores.memory(entry.name)
            self._ports.append([store.read_port() for _ in range(lanes)])
        self._m = m

    @staticmethod
    def _in_halves(layer: Layer) -> list[np.ndarray]:
        return [layer.thresholds[:, parity::2] for parity in (0, 1)]

    @classmethod
    def contents(cls, layer: Layer, formats: Formats) -> list[Contents]:
        return [
            Contents(f"thresholds_{name}", formats.drive_bits + 1, _words(half))
            for name, half in zip(PARITIES, cls._in_halves(layer), strict=True)
        ]

    def read(self, lane: int, pipe: Pipeline, stage: int) -> tuple[Value, Value]:
        """From v and b in ``stage``, memories addressed in the next; (lower knot, upper - lower) in ``stage`` + 3."""
        fv = self._formats.membrane_fraction
        knot = pipe["v", stage][fv:]
        data_out = []
        for parity, (half, ports) in enumerate(zip(self._halves, self._ports, strict=True)):
            place = _split(knot, parity)[: (half.shape[1] - 1).bit_length()]
            pipe.register(f"curve_place{parity}_", stage + 1, Cat(pipe["b", stage], place))
            self._m.d.comb += ports[lane].addr.eq(pipe[f"curve_place{parity}_", stage + 1])
            pipe[f"curve_knot{parity}_", stage + 2] = ports[lane].data
            data_out.append(pipe[f"curve_knot{parity}_", stage + 3])
        odd = pipe["v", stage + 3][fv]
        return _ordered(odd, *data_out)


class _SurfaceStore:
    """Surfaces in four memories by the parity of both knots, so that the corners of a cell are read at once."""

    def __init__(self, m: Module, layer: Layer, formats: Formats, lanes: int, stores: Stores) -> None:
        self._m = m
        self._formats = formats
        self._parts = self._in_parts(layer)
        ports: list[list[memory.ReadPort]] = []
        for entry in self.contents(layer, formats):
            # With many lanes Yosys would make it of LUTs.
            store = stores.memory(entry.name, attrs={"ram_style": "block"})
            ports.append([store.read_port() for _ in range(lanes)])
        self._ports = [ports[:2], ports[2:]]

    @staticmethod
    def _in_parts(layer: Layer) -> list[list[np.ndarray]]:
        return [[layer.surfaces[:, i::2, j::2] for j in (0, 1)] for i in (0, 1)]

    @classmethod
    def contents(cls, layer: Layer, formats: Formats) -> list[Contents]:
        return [
            Contents(f"surface_{names}_{name}", formats.membrane_bits, _words(part))
            for names, parts in zip(PARITIES, cls._in_parts(layer), strict=True)
            for name, part in zip(PARITIES, parts, strict=True)
        ]

    def read(self, lane: int, pipe: Pipeline, stage: int) -> Sequence[tuple[Value, Value]]:
        """Rows from v and b in ``stage``, columns from u one stage later, memories addressed in the next; ordered in
        ``stage`` + 5.

        For the lower and the upper knot of v: (value at the lower knot of u, upper - lower).
        """
        fv, fu = self._formats.membrane_fraction, self._formats.drive_fraction
        knot_v, knot_u = pipe["v", stage][fv:], pipe["u", stage + 1][fu:]
        corners: list[list[Value]] = []
        for i in (0, 1):
            corners.append([])
            for j in (0, 1):
                _, rows, columns = self._parts[i][j].shape
                row = _split(knot_v, i)
                # Times the columns, 2**n or 2**n + 1 of them, without a multiplier.
                shift = columns.bit_length() - 1
                start = (row << shift) + (row if columns > 1 << shift else 0)
                pipe.register(f"row{i}{j}_", stage + 1, start[: (rows * columns - 1).bit_length()])
                port = self._ports[i][j][lane]
                place = (pipe[f"row{i}{j}_", stage + 1] + _split(knot_u, j))[: (rows * columns - 1).bit_length()]
                pipe.register(f"place{i}{j}_", stage + 2, Cat(pipe["b", stage + 1], place))
                self._m.d.comb += port.addr.eq(pipe[f"place{i}{j}_", stage + 2])
                pipe[f"corner{i}{j}_", stage + 3] = port.data
                corners[i].append(pipe[f"corner{i}{j}_", stage + 4])
        odd_v = pipe["v", stage + 4][fv]
        for k in (0, 1):  # the lower knot of v, the upper one
            for j, pair in enumerate(zip(*corners, strict=True)):
                pipe.register(f"knot{k}{j}_", stage + 5, Mux(odd_v, pair[1 - k], pair[k]))
        odd_u = pipe["u", stage + 5][fu]
        return [_ordered(odd_u, *(pipe[f"knot{k}{j}_", stage + 5] for j in (0, 1))) for k in (0, 1)]


def _ordered(odd: Value, even_knot: Value, odd_knot: Value) -> tuple[Value, Value]:
    """(lower, upper - lower) of two neighbouring knots, the lower of which is the odd one if ``odd``."""
    lower, upper = Mux(odd, odd_knot, even_knot), Mux(odd, even_knot, odd_knot)
    return lower, upper - lower


def _words(array: np.ndarray) -> list[int]:
    """The entries of ``array`` in their order, of each place that for b = 0 first: b is the lowest address bit."""
    return [int(value) for value in np.moveaxis(array, 0, -1).ravel()]
