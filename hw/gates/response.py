"""What a neuron does with a sum: drive, threshold and new membrane as `docs/arithmetic.md` has them, in a pipeline.

Values in the pipeline have short names: acc (sum), u (drive), v (membrane), b (whether the neuron spiked in the step
before).
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data

from captwin.hw.chip import GAIN_BITS, Formats, Layer
from captwin.hw.dither import summed, times
from captwin.hw.gates.stores import Contents, Stores
from captwin.hw.gates.streams import Pipeline
from captwin.hw.gates.tables import CurveStore, SurfaceStore, own_tables

#: stage in which the spike is there
_SPIKE = 12
#: bits of an unsigned factor that FPGAs' multipliers take; with so many more, what synthesis makes of it is fast enough
FACTOR_BITS, WIDER_BITS = 17, 4
#: names of the memories of neurons' parameters, before the lane's number; a family's synthesis may choose what they
#: become
PARAMETERS = "parameters"


def stages(layer: Layer) -> int:
    """Stages of the pipeline, the membrane being in the last."""
    return 21 + _waits(layer)


def _waits(layer: Layer) -> int:
    """Stages that the surface waits for the spike, where the spike chooses one: two surfaces of ``layer`` need none."""
    return 6 if layer.by_outcome else 0


class Response:
    """The response of the neurons of ``layers``, for ``lanes`` pipelines that share memories.

    With several layers, the value ``layer`` of a pipeline is the number of the layer whose neuron is in it. All layers
    have two surfaces, or all four. ``amplitudes`` are those of the layers' dither, if they have any.

    Throughput: a neuron a cycle and pipeline. Latency: :func:`stages` - 1 cycles from the sum to spike and membrane.
    """

    def __init__(
        self,
        m: Module,
        layers: Sequence[Layer],
        formats: Formats,
        lanes: int,
        stores: Stores,
        amplitudes: Sequence[Value] = (),
    ) -> None:
        self._m = m
        self._amplitudes = amplitudes
        self._shifts = [layer.shift for layer in layers]
        self._formats = formats
        self._waits = _waits(layers[0])
        self._curves = CurveStore(m, own_tables(layers), formats, lanes, stores)
        self._surfaces = SurfaceStore(m, own_tables(layers), formats, lanes, stores)

    @staticmethod
    def contents(layers: Sequence[Layer], formats: Formats) -> list[Contents]:
        """What is in the tables' memories."""
        tables = own_tables(layers)
        return [*CurveStore.contents(tables, formats), *SurfaceStore.contents(tables, formats)]

    def follow(self, pipe: Pipeline, parameters: "Parameters", lane: int) -> None:
        """Adds the stages to ``pipe``, which reads the memories as lane number ``lane``.

        Needs ``acc`` in stage 0; ``v``, ``b``, the parameters, and with dither its ``random`` bits in stage 1. Gives
        ``u`` and ``saturated`` in stage 6, ``spike`` in 12, ``membrane`` in the last.
        """
        self._drive(pipe, parameters)
        self._threshold(pipe, parameters, lane)
        if self._waits:
            self._spike(pipe)
            self._surface(pipe, lane)
        else:
            self._surface(pipe, lane)
            self._spike(pipe)

    @staticmethod
    def _spike(pipe: Pipeline) -> None:
        pipe.register("spike", _SPIKE, pipe["u", _SPIKE - 1] >= pipe["threshold", _SPIKE - 1])

    def _drive(self, pipe: Pipeline, parameters: "Parameters") -> None:
        """Stages 2 to 5: u = clamp((acc * g + h + half) >> k); half is in the stored offset."""
        top = self._formats.drive_max
        # A multiplier has a stage to itself before and behind it: FPGAs' are slow and far away.
        pipe.register("product", 3, pipe["acc", 2] * parameters.value(pipe, "gain", 2))
        if self._amplitudes:
            self._dither(pipe)
            pipe.register("dithered", 4, parameters.value(pipe, "offset", 3) + pipe["dither", 3])
            pipe.register("scaled", 5, pipe["product", 4] + pipe["dithered", 4])
        else:
            pipe.register("scaled", 5, pipe["product", 4] + parameters.value(pipe, "offset", 4))
        scaled = self._by_layer(pipe, 5, [pipe["scaled", 5] >> shift for shift in self._shifts])
        below, above = scaled < 0, scaled > top
        u = Signal(self._formats.drive_bits, name="drive")
        self._m.d.comb += u.eq(Mux(below, 0, Mux(above, top, scaled)))
        pipe.register("u", 6, u)
        pipe.register("saturated", 6, below | above)

    def _dither(self, pipe: Pipeline) -> None:
        """Stages 1 to 3: A * z, z being the sum of the random bits' parts."""
        pipe.register("number", 2, summed(pipe["random", 1]))
        number, (first, *others) = pipe["number", 2], self._amplitudes
        if not isinstance(first, Const):
            amplitude = Array(self._amplitudes)[pipe["layer", 2]] if others else first
            pipe.register("dither", 3, number * amplitude)
            return
        values = {each.value: times(number, each.value) for each in self._amplitudes if isinstance(each, Const)}
        chosen = [values[each.value] for each in self._amplitudes if isinstance(each, Const)]
        pipe.register("dither", 3, chosen[0] if len(values) == 1 else Array(chosen)[pipe["layer", 2]])

    def _threshold(self, pipe: Pipeline, parameters: "Parameters", lane: int) -> None:
        """Stages 2 to 10: D from the curve over the old v, plus d."""
        fv = self._formats.membrane_fraction
        low, step = self._curves.read(lane, pipe, stage=2)
        pipe.register("curve_low", 6, low)
        pipe.register("curve_step", 6, step)
        pipe.register("curve_rise", 8, pipe["v", 7][:fv] * pipe["curve_step", 7])
        pipe.register("curve", 10, (_half_up(pipe["curve_low", 9], fv) + pipe["curve_rise", 9]) >> fv)
        pipe.register("threshold", 11, pipe["curve", 10] + parameters.value(pipe, "threshold_offset", 10))

    def _surface(self, pipe: Pipeline, lane: int) -> None:
        """Stages 5 to 19, or later by the wait for the spike: the new membrane, interpolated along u at both knots of
        v, then along v."""
        fv, fu = self._formats.membrane_fraction, self._formats.drive_fraction
        first = 5 + self._waits
        knots = self._surfaces.read(lane, pipe, stage=first)
        for row, (low, step) in enumerate(knots):
            pipe.register(f"low{row}_", first + 6, low)
            pipe.register(f"step{row}_", first + 6, step)
            pipe.register(f"rise{row}_", first + 8, pipe["u", first + 7][:fu] * pipe[f"step{row}_", first + 7])
            along = _half_up(pipe[f"low{row}_", first + 9], fu) + pipe[f"rise{row}_", first + 9]
            # It lies between two knots: a bit more would not fit FPGAs' multipliers of 18 bits.
            pipe.register(f"along{row}_", first + 10, along[: self._formats.membrane_bits + fu])
        pipe.register("slope", first + 11, pipe["along1_", first + 10] - pipe["along0_", first + 10])
        self._climb(pipe, first)
        total = (pipe["along0_", first + 14] << fv) + pipe["climb", first + 14]
        pipe.register("membrane", first + 15, (total >> (fv + fu))[: self._formats.membrane_bits])

    def _climb(self, pipe: Pipeline, first: int) -> None:
        """The slope times the membrane's fraction: where the slope is too wide for a multiplier, in two parts, which
        are added in the stage that is otherwise the multiplier's own."""
        fraction, slope = pipe["v", first + 12][: self._formats.membrane_fraction], pipe["slope", first + 12]
        if len(slope) <= FACTOR_BITS + 1 + WIDER_BITS:
            pipe.register("climb", first + 13, fraction * slope)
            return
        pipe.register("climb_low", first + 13, fraction * slope[:FACTOR_BITS])
        pipe.register("climb_high", first + 13, fraction * slope[FACTOR_BITS:].as_signed())
        whole = pipe["climb_low", first + 13] + (pipe["climb_high", first + 13] << FACTOR_BITS)
        pipe.register("climb", first + 14, whole)

    def _by_layer(self, pipe: Pipeline, stage: int, values: Sequence[Value]) -> Value:
        """The one of ``values``, one for each layer, that belongs to the layer in ``stage``."""
        if len(set(self._shifts)) == 1:
            return values[0]
        return Array(values)[pipe["layer", stage]]


class Parameters:
    """Gain, offset and threshold offset of each neuron, layer by layer.

    They are stored ``whole``, for stores that are writable, or without the high bits that are the same for all neurons.

    Attributes
    ----------
    shapes : the whole numbers' shapes by name: ``gain``, ``offset`` (with the half that rounds), ``threshold_offset``.
    stored : layout of a word in memory, the parameters of one neuron.
    """

    def __init__(self, layers: Sequence[Layer], formats: Formats, *, whole: bool) -> None:
        shift = max(layer.shift for layer in layers)
        self.shapes = {
            "gain": unsigned(GAIN_BITS),
            "offset": signed(formats.drive_bits + shift + 3),  # with the half that rounds
            "threshold_offset": signed(formats.drive_bits + 1),
        }
        numbers = {
            "gain": [layer.gains for layer in layers],
            "offset": [layer.offsets + (1 << (layer.shift - 1)) for layer in layers],
            "threshold_offset": [layer.threshold_offsets for layer in layers],
        }
        self._codes = {
            name: [int(number) & ((1 << shape.width) - 1) for layer in numbers[name] for number in layer]
            for name, shape in self.shapes.items()
        }
        differing = {name: reduce(or_, (code ^ codes[0] for code in codes)) for name, codes in self._codes.items()}
        self._widths = {name: bits.bit_length() for name, bits in differing.items()}
        self._widths["offset"] = max(self._widths["offset"], 1)  # a memory has a bit at least
        if whole:
            self._widths = {name: shape.width for name, shape in self.shapes.items()}
        self.stored = data.StructLayout(self._widths)

    def contents(self, lanes: int) -> list[Contents]:
        """What the memory of each of ``lanes`` lanes holds; lanes beyond the last neuron repeat the first neuron's."""
        neurons = []
        for codes in zip(*self._codes.values(), strict=True):
            place, word = 0, 0
            for code, width in zip(codes, self._widths.values(), strict=True):
                word |= (code & ((1 << width) - 1)) << place
                place += width
            neurons.append(word)
        neurons += [neurons[0]] * (-len(neurons) % lanes)
        return [Contents(f"{PARAMETERS}{n}", self.stored.size, neurons[n::lanes]) for n in range(lanes)]

    def value(self, pipe: Pipeline, name: str, stage: int) -> Value:
        """The whole number ``name`` in ``stage``, from the bits of it that are in ``pipe``."""
        shape, width = self.shapes[name], self._widths[name]
        whole = Cat(pipe[name, stage], Const(self._codes[name][0] >> width, shape.width - width))
        return whole.as_signed() if shape.signed else whole


def _half_up(value: Value, bits: int) -> Value:
    """``value`` shifted left by ``bits``, plus half a unit of ``value``, so that shifting it back rounds half up."""
    return Cat(Const(1 << (bits - 1), bits), value)
