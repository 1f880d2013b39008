"""The neurons of a layer: drive, threshold curve and surface of DESIGN's arithmetic, `lanes` neurons a cycle."""

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_

import numpy as np
from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.chip import GAIN_BITS, Formats, Layer
from hw.streams import COPY, Landing, Pipeline

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
    """

    LATENCY = 21
    QUEUE = 32

    def __init__(
        self, layer: Layer, formats: Formats, *, steps: int, lanes: int, shows: Collection[str] = SHOWN
    ) -> None:
        self.layer = layer
        self.formats = formats
        self.steps = steps
        self.lanes = lanes
        self.shows = shows
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
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer, formats, lanes = self.layer, self.formats, self.lanes
        final = self.LATENCY - 1
        control, flow = Pipeline(m), Pipeline(m, resets=True)
        lane_pipes = [Pipeline(m, f"lane{n}_") for n in range(lanes)]

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
                m.d.sync += step.eq(Mux(step == self.steps - 1, 0, step + 1))
                if self.words < self.LATENCY:
                    m.d.sync += [pause.eq(self.LATENCY - self.words - 1), self.sums.ready.eq(0)]

        m.d.comb += following.eq(Mux(last, 0, word + 1))

        parameters = _Parameters(layer, formats)
        state = data.StructLayout({"v": formats.membrane_bits, "b": 1})
        words = parameters.words(lanes)
        writes: list[memory.WritePort] = []
        curves = _CurveStore(m, layer, formats, lanes)
        surfaces = _SurfaceStore(m, layer, formats, lanes)

        for n, pipe in enumerate(lane_pipes):
            # Each lane's memories have the word's number to themselves: one for all would have to reach far.
            stores = {
                "parameters": memory.Memory(
                    shape=parameters.stored, depth=self.words, init=[entry[n] for entry in words]
                ),
                "state": memory.Memory(shape=state, depth=self.words, init=[]),
            }
            found = {}
            for name, store in stores.items():
                m.submodules[f"{name}{n}"] = store
                place = Signal.like(word, name=f"{name}{n}_word", attrs=COPY)
                with m.If(enter):
                    m.d.sync += place.eq(following)
                port = store.read_port()
                m.d.comb += port.addr.eq(place)
                found[name] = port.data
            writes.append(stores["state"].write_port())
            pipe["acc", 0] = self.sums.payload[n]
            for name in parameters.shapes:
                pipe[name, 1] = found["parameters"][name]
            pipe["v", 1] = Mux(control["fresh", 1], layer.rest, found["state"].v)
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
    """Gain, offset and threshold offset of each neuron, stored without the high bits that all of them share."""

    def __init__(self, layer: Layer, formats: Formats) -> None:
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
        self.stored = data.StructLayout(self._widths)

    def words(self, lanes: int) -> list[list[dict[str, int]]]:
        """The memory's contents; lanes beyond the last neuron repeat the first one's."""
        neurons = [
            {name: code & ((1 << self._widths[name]) - 1) for name, code in zip(self._codes, codes, strict=True)}
            for codes in zip(*self._codes.values(), strict=True)
        ]
        neurons += [neurons[0]] * (-len(neurons) % lanes)
        return [neurons[start : start + lanes] for start in range(0, len(neurons), lanes)]

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

    def __init__(self, m: Module, layer: Layer, formats: Formats, lanes: int) -> None:
        self._formats = formats
        self._halves = [layer.thresholds[:, parity::2] for parity in (0, 1)]
        self._ports = []
        for parity, half in enumerate(self._halves):
            store = memory.Memory(shape=unsigned(formats.drive_bits + 1), depth=half.size, init=_words(half))
            m.submodules[f"thresholds_{'odd' if parity else 'even'}"] = store
            self._ports.append([store.read_port() for _ in range(lanes)])
        self._m = m

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

    def __init__(self, m: Module, layer: Layer, formats: Formats, lanes: int) -> None:
        self._m = m
        self._formats = formats
        self._parts = [[layer.surfaces[:, i::2, j::2] for j in (0, 1)] for i in (0, 1)]
        self._ports: list[list[list[memory.ReadPort]]] = []
        names = ("even", "odd")
        for i in (0, 1):
            self._ports.append([])
            for j in (0, 1):
                part = self._parts[i][j]
                store = memory.Memory(
                    shape=unsigned(formats.membrane_bits),
                    depth=part.size,
                    init=_words(part),
                    attrs={"ram_style": "block"},  # with many lanes Yosys would make it of LUTs
                )
                m.submodules[f"surface_{names[i]}_{names[j]}"] = store
                self._ports[i].append([store.read_port() for _ in range(lanes)])

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
