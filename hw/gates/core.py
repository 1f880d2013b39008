"""The core: a whole chip between a stream of pixels and a stream of answers."""

from collections.abc import Callable
from typing import Any, TypeVar

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import PIXEL_BITS, Chip
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.readout import answer
from captwin.hw.gates.stores import ADDRESS_BITS, STORE_BITS, Contents, Stores, load_bus, load_port
from captwin.hw.gates.streams import Fork, reset_by_register
from captwin.hw.support.errors import CaptwinError

Block = TypeVar("Block", bound=Any)
COUNTER_BITS = 32
BUILD_ID_BITS = 64


class Identity(wiring.Component):
    """Says which chip the core is.

    Parameters
    ----------
    chip : the chip
    stores_from : number of its store; None for a constant

    Attributes
    ----------
    build_id : out. :attr:`Chip.build_id`, always there.
    load : :func:`load_bus`, in, with ``stores_from`` only. Writes the build id.
    """

    def __init__(self, chip: Chip, *, stores_from: int | None = None) -> None:
        self.stores_from = stores_from
        self.contents = [Contents("build_id", BUILD_ID_BITS, [chip.build_id])]  #: what its store holds
        super().__init__({"build_id": Out(BUILD_ID_BITS)} | load_port(stores_from))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stores = Stores.of(m, self, self.contents)
        held = stores.register("build_id", data.StructLayout({"number": BUILD_ID_BITS}))
        m.d.comb += self.build_id.eq(Value.cast(held))
        return m


class Core(wiring.Component):
    """A whole chip: pixels in, classes out.

    Up to ``in_flight`` images are under way at once; results come in the order of the images. What the numbers mean is
    said in `docs/arithmetic.md`.

    Throughput and latency depend on the images' spikes; `docs/performance.md`, "Cycle model", has the rules.

    Parameters
    ----------
    chip : the chip
    options : how much hardware to spend; :class:`CaptwinError` if a loadable core would have too many or too large
        memories, or if ``options`` are for another number of layers

    Attributes
    ----------
    pixels : stream of ``options.pixel_lanes`` pixels of 8 bits, in. Each image in raster order, the first pixel of a
        beat in its lowest byte, the image's last beat filled up with anything. The next image may follow at once.
    result : stream, out. A beat for each image: what :func:`answer` has, and ``cycles`` from the cycle in which the
        image's first beat was accepted to that in which this beat is offered.
    trace0, trace1, ... : streams of :func:`neuron_word`, out, with ``options.trace`` only. All results of that layer.
    counters : out, since the reset, wrapping. ``cycles``: clock cycles; ``events``, ``spikes``, ``saturated``: for each
        layer the row events taken, neurons fired and drives clamped.
    build_id : out. :attr:`Chip.build_id`, 64 bits.
    load : :func:`load_bus`, in, with ``options.loadable`` only. Writes the stores, whose numbers are their places in
        ``contents``. The core must be idle meanwhile, and be reset after.
    reset : a signal, not a port, which whoever has the core as a part may drive. It acts a cycle later, through
        registers; what is offered until then is lost.
    contents : what all stores hold, in the order of their numbers; empty unless ``options.loadable``.
    in_flight : images that are under way at once, at most.
    identity, encoder, layers, readout : the blocks. ``layers`` are of :data:`captwin.hw.gates.kinds.KINDS`.

    >>> captwin.Core(captwin.load_chip("digits-tiny"), captwin.CoreOptions(lanes=2)).chip.sizes
    (64, 10)
    """

    #: cycles from the readout's answer to the result
    LATENCY = 1

    def __init__(self, chip: Chip, options: CoreOptions = CoreOptions()) -> None:  # noqa: B008 (frozen)
        self.chip = chip
        self.options = options
        self.reset = Signal()
        steps = chip.encoder.steps
        self.contents: list[Contents] = []
        self.identity = self._with_stores("identity", Identity, chip)
        kind = layers_of(options)
        self.in_flight = kind.IN_FLIGHT
        self.encoder = self._with_stores("encoder", kind.ENCODER, chip.encoder, chip.pixels, options.pixel_lanes)
        self.layers = kind(chip, options, stores_from=self._next_store())
        for name, part in self.layers.parts.items():
            self._number(name, part)
        self.readout = self._with_stores(
            "readout",
            kind.READOUT,
            chip.readout,
            chip.formats,
            classes=chip.classes,
            steps=steps,
            word_shape=self.layers.word_shape,
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
            for number, words in enumerate(self.layers.results):
                ports[f"trace{number}"] = Out(words.signature)
        super().__init__(ports)

    def _with_stores(self, name: str, block: Callable[..., Block], *arguments: Any, **named: Any) -> Block:
        """A part of the core, with numbers for its stores behind those of the parts before."""
        part = block(*arguments, **named, stores_from=self._next_store())
        self._number(name, part)
        return part

    def _next_store(self) -> int | None:
        """The number of the next store; None if nothing is loadable."""
        return len(self.contents) if self.options.loadable else None

    def _number(self, name: str, part: Any) -> None:
        """Takes what is in the stores of ``part``, which were numbered from :meth:`_next_store` on, into the list."""
        if self.options.loadable:
            self.contents += [entry.within(name) for entry in part.contents]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = reset_by_register(m, "encoder", self.encoder, self.reset)
        m.submodules.readout = reset_by_register(m, "readout", self.readout, self.reset)
        m.submodules.identity = self.identity
        m.d.comb += self.build_id.eq(self.identity.build_id)
        if self.options.loadable:
            parts: list[Any] = [self.identity, self.encoder, *self.layers.parts.values(), self.readout]
            m.d.comb += [part.load.eq(self.load) for part in parts]

        def trace(number: int, results: Any) -> Any:
            return self._traced(m, number, results) if self.options.trace else results

        results = self.layers.place(m, self.encoder.spikes, self.reset, trace)
        wiring.connect(m, results, self.readout.words)
        for number in range(len(self.chip.layers)):
            m.submodules[f"count{number}"] = reset_by_register(m, f"count{number}", self._count(number), self.reset)
        ends = Module()
        self._offer(ends)
        m.submodules.ends = reset_by_register(m, "ends", ends, self.reset)
        return m

    def _traced(self, m: Module, number: int, results: Any) -> Any:
        """``results`` of layer ``number``, of which ``trace0``, ``trace1``, ... get a copy."""
        fork = Fork(results.payload.shape(), 2)
        m.submodules[f"fork{number}"] = reset_by_register(m, f"fork{number}", fork, self.reset)
        wiring.connect(m, results, fork.i)
        wiring.connect(m, fork.o[1], wiring.flipped(getattr(self, f"trace{number}")))
        return fork.o[0]

    def _count(self, number: int) -> Module:
        """The counters of layer ``number``, in a module of their own so that they lie where the layer does."""
        m = Module()
        layers = self.layers
        for counter, amounts in (("events", layers.taken), ("spikes", layers.fired), ("saturated", layers.saturated)):
            total, counted = self.counters[counter][number], amounts[number]
            late = Signal.like(counted, name=f"late_{counter}")  # counters may be far from what they count
            m.d.sync += [late.eq(counted), total.eq(total + late)]
        return m

    def _offer(self, m: Module) -> None:
        """Lets pixels in while there is room for their time of arrival; adds to each answer how long its image took."""
        m.d.sync += self.counters.cycles.eq(self.counters.cycles + 1)
        m.submodules.starts = starts = fifo.SyncFIFOBuffered(width=COUNTER_BITS, depth=self.in_flight)
        # Whether there is room is a register, since pixels wait for it; of what makes it, only `started` comes late.
        under_way, room, ended = Signal(range(self.in_flight + 1)), Signal(init=1), Signal()
        left = under_way - ended
        m.d.sync += [
            ended.eq(self.result.valid & self.result.ready),
            under_way.eq(Mux(self.encoder.started, left + 1, left)),
            room.eq(Mux(self.encoder.started, left < self.in_flight - 1, left < self.in_flight)),
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
