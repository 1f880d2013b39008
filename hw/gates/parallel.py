"""Parallel layers: each layer of a chip has gates of its own, and all of them work at the same time."""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import chip
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.events import EventSource, RowChanges
from captwin.hw.gates.neuron import CYCLES_AT_MOST, Neurons, shown_by
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.readout import ClassReadout
from captwin.hw.gates.stores import Contents, MemorySize, load_port
from captwin.hw.gates.streams import reset_by_register, spike_word
from captwin.hw.gates.tables import SurfaceStore


class Widths(NamedTuple):
    """How much a layer does at once; powers of two."""

    spikes: int  #: neurons in a word of incoming spikes
    banks: int  #: row events taken a cycle
    lanes: int  #: neurons updated a cycle


class SpikingLayer(wiring.Component):
    """One layer: an event source, a crossbar and the layer's neurons, joined by streams.

    With ``changes`` there are :class:`RowChanges` before the event source. Event source, crossbar and neurons work on a
    time step each, so three time steps are under way at once.

    Throughput: a word of spikes a cycle, as long as the crossbar keeps up. Latency: that of :class:`EventSource`,
    :class:`Crossbar` and :class:`Neurons`, one after the other.

    Parameters
    ----------
    layer, formats : the layer of the chip, and the chip's number formats
    steps : time steps of an inference
    widths : :class:`Widths`
    shows : what the results hold besides spikes (:func:`neuron_word`)
    changes : whether the crossbar keeps its sums from step to step, and takes rows whose spike has changed
    stores_from : number of the layer's first store; None for memories that are never written

    Attributes
    ----------
    spikes : stream of :func:`spike_word`, in. The spikes of the neurons before, step by step.
    results : stream of :func:`neuron_word`, out. The layer's neurons in their order, ``lanes`` a beat.
    taken : out. Row events taken in the cycle before.
    fired : out. Neurons that fired in the cycle before.
    saturated : out. Drives that were clamped in the cycle before.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes the stores.
    reset : a signal, not a port. As in :class:`Core`.
    """

    def __init__(
        self,
        layer: chip.Layer,
        formats: chip.Formats,
        *,
        steps: int,
        widths: Widths,
        shows: Collection[str] = (),
        changes: bool = False,
        stores_from: int | None = None,
    ) -> None:
        width, banks, lanes = widths
        self.stores_from = stores_from
        self.reset = Signal()
        self.parts: dict[str, Any] = {}  #: its blocks by name, in the order of their stores
        if changes:
            self.parts["changes"] = RowChanges(layer.rows, width, steps, stores_from=stores_from)
        self.parts["events"] = self.events = EventSource(layer.rows, width, banks, changes=changes)
        self.parts["crossbar"] = self.crossbar = Crossbar(
            layer.charges,
            formats,
            width=width,
            banks=banks,
            lanes=lanes,
            changes=changes,
            stores_from=self._next_store(),
        )
        self.parts["neurons"] = self.neurons = Neurons(
            layer, formats, steps=steps, lanes=lanes, shows=shows, stores_from=self._next_store()
        )
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(width))),
                "results": Out(self.neurons.results.signature),
                "taken": Out(self.crossbar.taken.shape()),
                "fired": Out(self.neurons.fired.shape()),
                "saturated": Out(self.neurons.saturated.shape()),
            }
            | load_port(stores_from)
        )

    @property
    def contents(self) -> list[Contents]:
        """What its stores hold: those of the row changes, if there are any, the crossbar's, then the neurons'."""
        stored = [(name, part) for name, part in self.parts.items() if name != "events"]
        return [entry.within(name) for name, part in stored for entry in part.contents]

    def _next_store(self) -> int | None:
        """The number of the next store; None for memories that are never written."""
        return None if self.stores_from is None else self.stores_from + len(self.contents)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, part in self.parts.items():
            m.submodules[name] = reset_by_register(m, name, part, self.reset)
        spikes: Any = wiring.flipped(self.spikes)
        if changes := self.parts.get("changes"):
            wiring.connect(m, spikes, changes.spikes)
            spikes = changes.changes
        wiring.connect(m, spikes, self.events.spikes)
        for source, sink in zip(self.events.events, self.crossbar.events, strict=True):
            wiring.connect(m, source, sink)
        wiring.connect(m, self.crossbar.sums, self.neurons.sums)
        wiring.connect(m, self.neurons.results, wiring.flipped(self.results))
        m.d.comb += [
            self.taken.eq(self.crossbar.taken),
            self.fired.eq(self.neurons.fired),
            self.saturated.eq(self.neurons.saturated),
        ]
        if self.stores_from is not None:
            m.d.comb += [part.load.eq(self.load) for name, part in self.parts.items() if name != "events"]
        return m


class ParallelLayers:
    """All layers of ``chip``, a :class:`SpikingLayer` each; a kind of layers (:class:`captwin.hw.gates.kinds.Layers`).

    It is no module of its own: the layers stand in the core beside each other.
    """

    ENCODER: ClassVar[Any] = SpikeEncoder
    READOUT: ClassVar[Any] = ClassReadout
    IN_FLIGHT: ClassVar = 8

    def __init__(self, chip: chip.Chip, options: CoreOptions, *, stores_from: int | None = None) -> None:
        count = len(chip.layers)
        banks, lanes = (options.each(name, count) for name in ("row_banks", "lanes"))
        self.layers: list[SpikingLayer] = []
        for number, layer in enumerate(chip.layers):
            made = SpikingLayer(
                layer,
                chip.formats,
                steps=chip.encoder.steps,
                widths=Widths((options.pixel_lanes, *lanes)[number], banks[number], lanes[number]),
                shows=shown_by(number, count, trace=options.trace),
                changes=options.change_events,
                stores_from=stores_from,
            )
            self.layers.append(made)
            if stores_from is not None:
                stores_from += len(made.contents)
        self.parts = {f"layer{number}": layer for number, layer in enumerate(self.layers)}
        self.results = [layer.results for layer in self.layers]
        self.taken: Any = [layer.taken for layer in self.layers]
        self.fired: Any = [layer.fired for layer in self.layers]
        self.saturated: Any = [layer.saturated for layer in self.layers]

    @property
    def word_shape(self) -> Any:
        """See :attr:`captwin.hw.gates.kinds.Layers.word_shape`."""
        return self.results[-1].payload.shape()

    def place(self, m: Module, spikes: Any, reset: Signal, trace: Callable[[int, Any], Any]) -> Any:
        """See :meth:`captwin.hw.gates.kinds.Layers.place`."""
        for number, (name, layer) in enumerate(self.parts.items()):
            m.submodules[name] = layer
            m.d.comb += layer.reset.eq(reset)
            wiring.connect(m, spikes, layer.spikes)
            results = trace(number, layer.results)
            if layer is self.layers[-1]:
                break
            spikes = self.layers[number + 1].spikes.signature.flip().create(path=(f"spikes{number}",))
            m.d.comb += [
                spikes.payload.spikes.eq(results.payload.spikes),
                spikes.payload.last.eq(results.payload.last),
                spikes.valid.eq(results.valid),
                results.ready.eq(spikes.ready),
            ]
        return results

    def blocks(self) -> list[tuple[str, object, wiring.Component]]:
        """See :meth:`captwin.hw.gates.kinds.Layers.blocks`."""
        counted: list[tuple[str, object, wiring.Component]] = []
        for number, layer in enumerate(self.layers):
            counted.append((f"neurons {number}", layer.neurons.lanes, layer.neurons))
        for number, layer in enumerate(self.layers):
            counted.append((f"crossbar {number}", (layer.crossbar.banks, layer.crossbar.lanes), layer.crossbar))
        for number, layer in enumerate(self.layers):
            counted.append((f"events {number}", (layer.events.width, layer.events.banks), layer.events))
            if changes := layer.parts.get("changes"):
                counted.append((f"changes {number}", changes.width, changes))
        return counted

    @classmethod
    def memories(cls, chip: chip.Chip, options: CoreOptions) -> list[MemorySize]:
        """See :meth:`captwin.hw.gates.kinds.Layers.memories`."""
        banks, lanes = (options.each(name, len(chip.layers)) for name in ("row_banks", "lanes"))
        layers = zip(range(len(chip.layers)), banks, lanes, strict=True)
        return [size for layer in layers for size in cls.layer_memories(chip, *layer)]

    @staticmethod
    def layer_memories(chip: chip.Chip, number: int, banks: int, lanes: int) -> list[MemorySize]:
        """The part of :meth:`memories` that belongs to layer ``number``, which has so many banks and lanes."""
        layer = chip.layers[number]
        weights = Crossbar.memories(layer.rows, layer.columns, chip.formats.charge_bits, banks)
        return weights + SurfaceStore.memories([layer], chip.formats, lanes)

    @staticmethod
    def tables(chip: chip.Chip) -> int:
        """How many neuron tables a core of ``chip`` has: one for each layer."""
        return len(chip.layers)

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
        return sum(rows + columns + columns * CYCLES_AT_MOST for rows, columns in pairwise(sizes))
