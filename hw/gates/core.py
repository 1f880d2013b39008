"""The core: a whole chip between a stream of pixels and a stream of answers."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from captwin.hw.chip import PIXEL_BITS, Chip
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.identity import BUILD_ID_BITS, Identity
from captwin.hw.gates.layer import SpikingLayer
from captwin.hw.gates.neuron import SHOWN
from captwin.hw.gates.readout import ClassReadout, answer
from captwin.hw.gates.reset import reset_by_register
from captwin.hw.gates.serial import SerialLayers
from captwin.hw.gates.stores import ADDRESS_BITS, STORE_BITS, Contents, load_bus
from captwin.hw.gates.streams import Fork
from captwin.hw.support.errors import CaptwinError

Block = TypeVar("Block", bound=Any)
COUNTER_BITS = 32
#: the most pixel lanes, row banks and lanes
LARGEST = 64


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class CoreOptions:
    """How much hardware to spend; the answers never depend on it. All numbers are powers of two up to LARGEST.

    A tuple gives a number for each layer, the first layer first.
    """

    #: pixels taken and encoded a cycle
    pixel_lanes: int = 8
    #: weight memories of each crossbar: row events taken a cycle
    row_banks: int | tuple[int, ...] = 1
    #: neurons updated a cycle
    lanes: int | tuple[int, ...] = 4
    #: one more stream a layer, with every sum, drive, membrane and spike
    trace: bool = False
    #: a port to write other chips into the memories
    loadable: bool = False
    #: one weight and one neuron after the other, with one row bank and one lane: the least hardware
    serial: bool = False

    def __post_init__(self) -> None:
        for name in ("pixel_lanes", "row_banks", "lanes"):
            said = getattr(self, name)
            for value in said if isinstance(said, tuple) else (said,):
                if not 1 <= value <= LARGEST or value & (value - 1):
                    raise CaptwinError(f"{name}: must be a power of two from 1 to {LARGEST}, got {value}")
                if self.serial and name != "pixel_lanes" and value > 1:
                    raise CaptwinError(f"{name}: must be 1 in a serial core, got {value}")

    def listed(self, layers: int) -> dict[str, Any]:
        """All of them by name, those that may differ from layer to layer as lists of ``layers`` numbers."""
        each = {name: list(self.each(name, layers)) for name in ("row_banks", "lanes")}
        return vars(self) | each

    def each(self, name: str, layers: int) -> tuple[int, ...]:
        """``row_banks`` or ``lanes`` of each of ``layers``; :class:`CaptwinError` if there are not as many."""
        said = getattr(self, name)
        if not isinstance(said, tuple):
            return (said,) * layers
        if len(said) != layers:
            raise CaptwinError(f"{name}: the chip has {layers} layers, not {len(said)}; give one number, or {layers}")
        return said


class Core(wiring.Component):
    """Pixels in, class out, with every layer of ``chip`` between.

    Ports (all streams are valid/ready; see `docs/arithmetic.md` for the meaning of the numbers):

    * ``pixels``: the image in raster order, ``options.pixel_lanes`` pixels a beat, first pixel in the lowest byte,
      the last beat filled up with anything. The next image may follow at once.
    * ``result``: one beat an image: ``label``, ``steps`` until the decision, ``counts`` and ``membranes`` of every
      class, ``cycles`` from the image's first beat accepted to this result offered.
    * ``trace0``, ``trace1``, ... if ``options.trace``: all results of that layer, a word of ``lanes`` neurons a beat.
    * ``counters``: since reset, wrapping: clock cycles; for each layer row events, spikes, clamped drives.
    * ``build_id``: :attr:`Chip.build_id`.
    * ``load`` if ``options.loadable``: writes the stores, numbered as :attr:`contents` has them; see
      :func:`load_bus`. The core must be idle meanwhile, and be reset after.

    Up to IN_FLIGHT images are under way at once; results come in the order of the images.

    Whoever has the core as a part may drive ``reset``, which is no port. It acts a cycle later, through registers;
    what is offered until then is lost.
    """

    IN_FLIGHT = 8
    #: cycles from the readout's answer to the result
    LATENCY = 1

    def __init__(self, chip: Chip, options: CoreOptions = CoreOptions()) -> None:  # noqa: B008 (frozen)
        self.chip = chip
        self.options = options
        self.reset = Signal()
        steps = chip.encoder.steps
        self.contents: list[Contents] = []  #: of all stores, in the order of their numbers
        self.identity = self._with_stores("identity", Identity, chip)
        self.encoder = self._with_stores("encoder", SpikeEncoder, chip.encoder, chip.pixels, options.pixel_lanes)
        #: a SpikingLayer each, or SerialLayers that are all of them
        self.layers = self._serial_layers() if options.serial else self._spiking_layers()
        results = self._results()
        last = results[-1].payload.shape()
        self.readout = self._with_stores(
            "readout",
            ClassReadout,
            chip.readout,
            chip.formats,
            classes=chip.classes,
            steps=steps,
            word_shape=last,
        )
        most = (1 << STORE_BITS) - 1  # one number is left for the host link
        if options.loadable and len(self.contents) > most:
            raise CaptwinError(f"a loadable core has {most} memories at most, not {len(self.contents)}; give it fewer")
        for entry in self.contents:
            if len(entry.words) > 1 << ADDRESS_BITS:
                raise CaptwinError(
                    f"a loadable core's memories have {1 << ADDRESS_BITS:,} words at most, {entry.name} has "
                    f"{len(entry.words):,}; make it --fixed"
                )
        count = data.ArrayLayout(COUNTER_BITS, len(chip.layers))
        ports = {
            "pixels": In(stream.Signature(data.ArrayLayout(PIXEL_BITS, options.pixel_lanes))),
            "result": Out(
                stream.Signature(
                    data.StructLayout(
                        {**dict(answer(chip.formats, chip.classes, steps).members), "cycles": COUNTER_BITS}
                    )
                )
            ),
            "counters": Out(
                data.StructLayout({"cycles": COUNTER_BITS, "events": count, "spikes": count, "saturated": count})
            ),
            "build_id": Out(BUILD_ID_BITS),
        }
        if options.loadable:
            ports["load"] = In(load_bus())
        if options.trace:
            for number, words in enumerate(results):
                ports[f"trace{number}"] = Out(words.signature)
        super().__init__(ports)

    def _spiking_layers(self) -> list[Any]:
        chip, options = self.chip, self.options
        banks, lanes = (options.each(name, len(chip.layers)) for name in ("row_banks", "lanes"))
        return [
            self._with_stores(
                f"layer{number}",
                SpikingLayer,
                layer,
                chip.formats,
                steps=chip.encoder.steps,
                width=(options.pixel_lanes, *lanes)[number],
                banks=banks[number],
                lanes=lanes[number],
                shows=self._shows(number),
            )
            for number, layer in enumerate(chip.layers)
        ]

    def _serial_layers(self) -> list[Any]:
        chip = self.chip
        layers = self._with_stores(
            "layers",
            SerialLayers,
            chip.layers,
            chip.formats,
            steps=chip.encoder.steps,
            width=self.options.pixel_lanes,
            shows=[self._shows(number) for number in range(len(chip.layers))],
        )
        return [layers]

    def _shows(self, number: int) -> Collection[str]:
        """What the results of layer ``number`` hold besides spikes."""
        return SHOWN if self.options.trace else ("membranes",) if number == len(self.chip.layers) - 1 else ()

    def _results(self) -> list[Any]:
        """The streams of each layer's results."""
        if self.options.serial:
            return [getattr(self.layers[0], f"results{number}") for number in range(len(self.chip.layers))]
        return [layer.results for layer in self.layers]

    def _with_stores(self, name: str, block: Callable[..., Block], *arguments: Any, **named: Any) -> Block:
        """A part of the core, with numbers for its stores behind those of the parts before."""
        made = block(*arguments, **named, stores_from=len(self.contents) if self.options.loadable else None)
        if self.options.loadable:
            self.contents += [entry.within(name) for entry in made.contents]
        return made

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = reset_by_register(m, "encoder", self.encoder, self.reset)
        m.submodules.readout = reset_by_register(m, "readout", self.readout, self.reset)
        m.submodules.identity = self.identity
        m.d.comb += self.build_id.eq(self.identity.build_id)
        if self.options.loadable:
            parts: list[Any] = [self.identity, self.encoder, *self.layers, self.readout]
            m.d.comb += [part.load.eq(self.load) for part in parts]

        spikes = self.encoder.spikes
        for number, results in enumerate(self._results()):
            if number < len(self.layers):
                layer = self.layers[number]
                m.submodules["layers" if self.options.serial else f"layer{number}"] = layer
                m.d.comb += layer.reset.eq(self.reset)
                wiring.connect(m, spikes, layer.spikes)
            if self.options.trace:
                fork = Fork(results.payload.shape(), 2)
                m.submodules[f"fork{number}"] = reset_by_register(m, f"fork{number}", fork, self.reset)
                wiring.connect(m, results, fork.i)
                wiring.connect(m, fork.o[1], wiring.flipped(getattr(self, f"trace{number}")))
                results = fork.o[0]
            if number == len(self.chip.layers) - 1:
                wiring.connect(m, results, self.readout.words)
            elif self.options.serial:  # which keeps the spikes itself
                m.d.comb += results.ready.eq(1)
            else:
                spikes = self.layers[number + 1].spikes.signature.flip().create(path=(f"spikes{number}",))
                m.d.comb += [
                    spikes.payload.spikes.eq(results.payload.spikes),
                    spikes.payload.last.eq(results.payload.last),
                    spikes.valid.eq(results.valid),
                    results.ready.eq(spikes.ready),
                ]
        for number in range(len(self.chip.layers)):
            m.submodules[f"count{number}"] = reset_by_register(m, f"count{number}", self._count(number), self.reset)
        ends = Module()
        self._offer(ends)
        m.submodules.ends = reset_by_register(m, "ends", ends, self.reset)
        return m

    def _count(self, number: int) -> Module:
        """The counters of layer ``number``, which lie where the layer does."""
        m = Module()
        layer = self.layers[0 if self.options.serial else number]
        for counter, amount in (("events", layer.taken), ("spikes", layer.fired), ("saturated", layer.saturated)):
            total, counted = self.counters[counter][number], amount[number] if self.options.serial else amount
            late = Signal.like(counted, name=f"late_{counter}")  # counters may be far from what they count
            m.d.sync += [late.eq(counted), total.eq(total + late)]
        return m

    def _offer(self, m: Module) -> None:
        """Lets pixels in while their arrival time can be kept, and adds to each answer the time its image took."""
        m.d.sync += self.counters.cycles.eq(self.counters.cycles + 1)
        m.submodules.starts = starts = fifo.SyncFIFOBuffered(width=COUNTER_BITS, depth=self.IN_FLIGHT)
        # Whether there is room is a register, since pixels wait for it; of what makes it, only `started` comes late.
        under_way, room, ended = Signal(range(self.IN_FLIGHT + 1)), Signal(init=1), Signal()
        left = under_way - ended
        m.d.sync += [
            ended.eq(self.result.valid & self.result.ready),
            under_way.eq(Mux(self.encoder.started, left + 1, left)),
            room.eq(Mux(self.encoder.started, left < self.IN_FLIGHT - 1, left < self.IN_FLIGHT)),
            starts.w_en.eq(self.encoder.started),
        ]
        decision, out = self.readout.answer, self.result.payload
        elapsed = Signal(COUNTER_BITS)
        timed = Signal()
        m.d.comb += [
            self.encoder.pixels.payload.eq(self.pixels.payload),
            self.encoder.pixels.valid.eq(self.pixels.valid & room),
            self.pixels.ready.eq(self.encoder.pixels.ready & room),
            starts.w_data.eq(self.counters.cycles),  # one more than at the start
            starts.r_en.eq(self.result.valid & self.result.ready),
            self.result.valid.eq(decision.valid & timed),
            decision.ready.eq(self.result.ready & timed),
            out.cycles.eq(elapsed),
        ]
        for name in ("label", "steps", "counts", "membranes"):
            m.d.comb += Value.cast(out[name]).eq(Value.cast(decision.payload[name]))
        # Registered, since the subtraction would lengthen whatever path the user hangs on the port.
        with m.If(decision.valid & ~timed):
            m.d.sync += [elapsed.eq(self.counters.cycles + 2 - starts.r_data), timed.eq(1)]
        with m.Elif(self.result.valid & self.result.ready):
            m.d.sync += timed.eq(0)
