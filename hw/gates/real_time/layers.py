"""Real-time layers: every clock cycle is one time step of some image, in all layers at once."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from amaranth import Module, Signal, Value
from amaranth.lib import data, stream, wiring

from captwin.hw.chip import Chip
from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.real_time.direct import direct_layer
from captwin.hw.gates.real_time.encoder import PlaneEncoder
from captwin.hw.gates.real_time.layer import RealTimeLayer
from captwin.hw.gates.real_time.readout import RealTimeReadout, last_word
from captwin.hw.gates.real_time.schedule import Schedule
from captwin.hw.gates.stores import MemorySize


class RealTimeLayers:
    """All layers of ``chip``, a :class:`RealTimeLayer` each; a kind of layers (:class:`captwin.hw.gates.kinds.Layers`).

    Raises :class:`CaptwinError` if a layer needs interpolation.
    """

    ENCODER: ClassVar[Any] = PlaneEncoder
    READOUT: ClassVar[Any] = RealTimeReadout
    IN_FLIGHT: ClassVar = RealTimeReadout.ROOM

    def __init__(self, chip: Chip, options: CoreOptions, *, stores_from: int | None = None) -> None:
        self.traced = options.trace
        self.layers = [
            RealTimeLayer(
                layer,
                chip.formats,
                where=f"layers.{number}",
                schedule=Schedule(chip.encoder.steps),
                first=number == 0,
                shows=SHOWN if options.trace else (),
                room=self.IN_FLIGHT * options.trace,
            )
            for number, layer in enumerate(chip.layers)
        ]
        self.parts = {f"layer{number}": layer for number, layer in enumerate(self.layers)}
        self.results = [layer.results for layer in self.layers]
        self.word_shape: data.StructLayout = last_word(chip.formats, chip.classes, chip.encoder.steps)
        self.fired: Any = [layer.fired for layer in self.layers]
        self.taken: Any = [self.layers[0].taken, *self.fired[:-1]]
        self.saturated: Any = [layer.saturated for layer in self.layers]

    @property
    def latency(self) -> int:
        """Cycles from the first time step of an image at the first layer to its last one behind the last layer."""
        loop = self.layers[0].schedule.loop
        return sum(layer.latency for layer in self.layers) + loop * (self.layers[0].schedule.steps - 1)

    def place(self, m: Module, spikes: Any, reset: Signal, trace: Callable[[int, Any], Any]) -> Any:
        """See :meth:`captwin.hw.gates.kinds.Layers.place`."""
        source, control = spikes.payload.spikes, {"valid": spikes.valid, "first": spikes.payload.first}
        roomy: Value = Signal(init=1)
        for number, (name, layer) in enumerate(self.parts.items()):
            m.submodules[name] = layer
            m.d.comb += [layer.reset.eq(reset), layer.spikes.eq(source), layer.entering.eq(spikes.valid)]
            m.d.comb += [layer.control[field].eq(value) for field, value in control.items()]
            if self.traced:
                m.d.comb += trace(number, layer.results).ready.eq(1)
                roomy = roomy & layer.roomy
            source, control = layer.fires, {"valid": layer.after.valid, "step": layer.after.step}
        words = stream.Signature(self.word_shape).create(path=("words",))
        m.d.comb += [
            spikes.ready.eq(roomy),
            words.valid.eq(control["valid"]),
            words.payload.spikes.eq(source),
            words.payload.membranes.eq(self.layers[-1].membranes),
            words.payload.step.eq(control["step"]),
        ]
        return words

    def blocks(self) -> list[tuple[str, object, wiring.Component]]:
        """See :meth:`captwin.hw.gates.kinds.Layers.blocks`."""
        return [(name, (), layer) for name, layer in self.parts.items()]

    @classmethod
    def memories(cls, chip: Chip, options: CoreOptions) -> list[MemorySize]:
        """See :meth:`captwin.hw.gates.kinds.Layers.memories`."""
        layers = [direct_layer(layer, chip.formats, f"layers.{n}") for n, layer in enumerate(chip.layers)]
        return [
            MemorySize(direct.word_bits, len(direct.words()), reads=2)
            for direct in layers
            for _ in range(-(-len(direct.offsets) // 2))
        ]

    @staticmethod
    def tables(chip: Chip) -> int:
        """How many neuron tables a core of ``chip`` has: one for each layer."""
        return len(chip.layers)

    @staticmethod
    def word_lanes(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """See :meth:`captwin.hw.gates.kinds.Layers.word_lanes`: all neurons of a layer."""
        return tuple(sizes[1:])

    @staticmethod
    def rows_at_once(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """See :meth:`captwin.hw.gates.kinds.Layers.rows_at_once`: all rows of a layer."""
        return tuple(sizes[:-1])

    @staticmethod
    def step_at_most(sizes: Sequence[int]) -> int:
        """See :meth:`captwin.hw.gates.kinds.Layers.step_at_most`."""
        return sum(sizes)
