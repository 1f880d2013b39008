"""One layer: spike words in, neuron results out."""

from collections.abc import Collection

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import chip
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.gates.events import EventSource
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.reset import reset_by_register
from captwin.hw.gates.stores import Contents, load_port
from captwin.hw.gates.streams import spike_word


class SpikingLayer(wiring.Component):
    """A crossbar and its neurons. ``width`` is the number of neurons in a word of incoming spikes; ``shows`` names what
    the results hold besides spikes (:func:`neuron_word`).

    With ``stores_from``, the number of its first store, ``load`` writes what is in its memories.

    ``reset``, which is no port, is that of :class:`Core`. Its parts are joined by streams, so a layer works on
    as many time steps at once as it has parts.
    """

    def __init__(
        self,
        layer: chip.Layer,
        formats: chip.Formats,
        *,
        steps: int,
        width: int,
        banks: int,
        lanes: int,
        shows: Collection[str] = (),
        stores_from: int | None = None,
    ) -> None:
        self.stores_from = stores_from
        self.reset = Signal()
        self.events = EventSource(layer.rows, width, banks)
        self.crossbar = Crossbar(layer.charges, formats, width=width, banks=banks, lanes=lanes, stores_from=stores_from)
        behind = None if stores_from is None else stores_from + len(self.crossbar.contents)
        self.neurons = Neurons(layer, formats, steps=steps, lanes=lanes, shows=shows, stores_from=behind)
        super().__init__(
            {
                "spikes": In(stream.Signature(spike_word(width))),
                "results": Out(self.neurons.results.signature),
                #: in this cycle: row events taken, neurons fired, drives clamped
                "taken": Out(self.crossbar.taken.shape()),
                "fired": Out(self.neurons.fired.shape()),
                "saturated": Out(self.neurons.saturated.shape()),
            }
            | load_port(stores_from)
        )

    @property
    def contents(self) -> list[Contents]:
        """What is in its parts."""
        crossbar = [entry.within("crossbar") for entry in self.crossbar.contents]
        return crossbar + [entry.within("neurons") for entry in self.neurons.contents]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name in ("events", "crossbar", "neurons"):
            m.submodules[name] = reset_by_register(m, name, getattr(self, name), self.reset)
        wiring.connect(m, wiring.flipped(self.spikes), self.events.spikes)
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
            m.d.comb += [self.crossbar.load.eq(self.load), self.neurons.load.eq(self.load)]
        return m
