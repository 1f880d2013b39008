"""Pixels to spikes: an image buffer of two pages and the `rate`, `bernoulli` and `latency` codes."""

from functools import cached_property, reduce
from operator import xor

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import chip
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import Landing, Pipeline, spike_word


class SpikeEncoder(wiring.Component):
    """Takes an image and sends its spikes, time step by time step.

    While one image is being encoded the next one loads. Pixels come in raster order, ``lanes`` a beat, the image's
    last beat filled up with anything; spikes leave in the same order as words of ``lanes``, padding never spiking.

    The pixels of a word are in groups of GROUP, each with a memory and control registers of its own, a cycle behind
    those of the group before it: no register reaches all pixels.

    Throughput: a beat a cycle on either side. Latency: :meth:`latency` cycles from an image's last beat to its
    first word.

    Settings can be written by ``load`` if ``stores_from`` says what number they have.
    """

    QUEUE = 16
    GROUP = 16

    def __init__(self, encoder: chip.Encoder, pixels: int, lanes: int, *, stores_from: int | None = None) -> None:
        self.encoder = encoder
        self.stores_from = stores_from
        self.image_pixels = pixels
        self.lanes = lanes
        self.words = -(-pixels // lanes)
        super().__init__(
            {
                "pixels": In(stream.Signature(data.ArrayLayout(chip.PIXEL_BITS, lanes))),
                "spikes": Out(stream.Signature(spike_word(lanes))),
                #: high for one cycle when the first beat of an image is accepted
                "started": Out(1),
            }
            | load_port(stores_from)
        )
        numbers = {"rate": {"phase": chip.PIXEL_BITS}, "bernoulli": {"seed": chip.LFSR_BITS}}.get(encoder.kind, {})
        self._settings = data.StructLayout({"last_step": chip.STEP_BITS, **numbers})

    @cached_property
    def contents(self) -> list[Contents]:
        """The settings: the last step's number, and the code's own number."""
        numbers = {name: getattr(self.encoder, name) for name in self._settings.members if name != "last_step"}
        settings = self._settings.const({"last_step": self.encoder.steps - 1, **numbers})
        return [Contents("settings", self._settings.size, [Value.cast(settings).value])]

    @classmethod
    def latency(cls, encoder: chip.Encoder, lanes: int) -> int:
        """Cycles from an image's last beat to its first word: 5, one for each group of a word's pixels but the first,
        and as many as the pixels' code takes more."""
        doublings = (encoder.steps - 1).bit_length().bit_length()  # of the terms of the `rate` code's phase
        return 5 + (lanes - 1) // cls.GROUP + {"rate": doublings, "latency": 1, "bernoulli": 0}[encoder.kind]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)
        page_bits = max(1, (self.words - 1).bit_length())
        full = Signal(2)

        # Loading side.
        load_page = Signal()
        load_word = Signal(page_bits)
        accept = Signal()
        m.d.comb += [
            self.pixels.ready.eq(~full.bit_select(load_page, 1)),
            accept.eq(self.pixels.valid & self.pixels.ready),
            self.started.eq(accept & (load_word == 0)),
        ]
        loaded = Signal()
        m.d.comb += loaded.eq(accept & (load_word == self.words - 1))
        with m.If(accept):
            m.d.sync += load_word.eq(Mux(loaded, 0, load_word + 1))
        with m.If(loaded):
            m.d.sync += load_page.eq(~load_page)

        # Encoding side: address -> page memory -> spikes, while the queue at the end has room.
        page = Signal()
        word = Signal(page_bits)
        step = Signal(range(max(self.encoder.steps, 2)))
        fetch = Signal()
        finished = Signal()
        last_word, last_step = word == self.words - 1, step == settings.last_step
        m.d.comb += [
            finished.eq(fetch & last_word & last_step),
        ]
        with m.If(fetch):
            m.d.sync += word.eq(Mux(last_word, 0, word + 1))
            with m.If(last_word):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
        with m.If(finished):
            m.d.sync += page.eq(~page)
        for n in range(2):
            with m.If(loaded & (load_page == n)):
                m.d.sync += full[n].eq(1)
            with m.Elif(finished & (page == n)):
                m.d.sync += full[n].eq(0)

        control, pipe = Pipeline(m, resets=True), Pipeline(m)
        control["valid", 0], control["last", 0], control["end", 0] = fetch, last_word, finished
        pipe["step", 0], pipe["place", 0] = step, Cat(word, page)
        for group, start in enumerate(range(0, self.lanes, self.GROUP)):
            some = range(self.lanes)[start : start + self.GROUP]
            m.submodules[f"image{group}"] = image = memory.Memory(
                shape=data.ArrayLayout(chip.PIXEL_BITS, len(some)),
                depth=2 << page_bits,
                init=[],
                attrs={"ram_style": "block"},  # of LUTs, a wide one would be spread too far for one address
            )
            write, read = image.write_port(), image.read_port()
            m.d.comb += [
                write.addr.eq(Cat(load_word, load_page)),
                write.en.eq(accept),
                read.addr.eq(pipe["place", group]),
                read.en.eq(control["valid", group]),
            ]
            for n, lane in enumerate(some):
                m.d.comb += write.data[n].eq(self.pixels.payload[lane])
                pipe[f"pixel{lane}", 1 + group] = read.data[n]
        if self.encoder.kind == "bernoulli":
            limits = self._lfsr(m, settings.seed, control["valid", 2], control["last", 2], control["end", 2])
            for lane, limit in enumerate(limits):
                pipe[f"limit{lane}_", 2] = limit
        encode = getattr(self, f"_{self.encoder.kind}")
        ready = max(encode(pipe, settings, lane, 2 + lane // self.GROUP) for lane in range(self.lanes))
        used = self.image_pixels - (self.words - 1) * self.lanes
        landing = Landing(m, self.spikes, self.QUEUE, entering=fetch, arriving=control["valid", ready])
        m.d.comb += [
            fetch.eq(full.bit_select(page, 1) & (landing.taken != self.QUEUE)),
            landing.beat.last.eq(control["last", ready]),
        ]
        for n in range(self.lanes):
            spike = pipe[f"spike{n}", ready]
            m.d.comb += landing.beat.spikes[n].eq(spike & ~control["last", ready] if n >= used else spike)
        return m

    def _rate(self, pipe: Pipeline, settings: data.View, lane: int, stage: int) -> int:
        """Spikes where the phase accumulator, phase + step * pixel, overflows by one pixel more; their stage."""
        # The product as shifted copies, added two by two, a level a stage: FPGAs have few multipliers.
        step, pixel = pipe["step", stage], pipe[f"pixel{lane}", stage]
        bits = (self.encoder.steps - 1).bit_length()
        terms = [Mux(step[q], pixel << q, 0)[: chip.PIXEL_BITS] for q in range(bits)]
        terms.append(settings.phase)
        while len(terms) > 1:
            stage += 1
            sums = [sum(terms[q : q + 2])[: chip.PIXEL_BITS] for q in range(0, len(terms), 2)]
            for q, total in enumerate(sums):
                pipe.register(f"phase{lane}_{q}_", stage, total)
            terms = [pipe[f"phase{lane}_{q}_", stage] for q in range(len(sums))]
        pipe[f"spike{lane}", stage] = terms[0] + pipe[f"pixel{lane}", stage] > chip.PIXEL_MAX
        return stage

    def _latency(self, pipe: Pipeline, settings: data.View, lane: int, stage: int) -> int:
        """Spikes in the step that is due, brighter pixels earlier; their stage."""
        wait = chip.PIXEL_MAX - pipe[f"pixel{lane}", stage]
        stage += 1
        pipe.register(f"due{lane}_", stage, (wait * (settings.last_step + 1)) >> chip.PIXEL_BITS)
        due = pipe[f"due{lane}_", stage] == pipe["step", stage]
        pipe[f"spike{lane}", stage] = (pipe[f"pixel{lane}", stage] > 0) & due
        return stage

    def _bernoulli(self, pipe: Pipeline, settings: data.View, lane: int, stage: int) -> int:
        """Spikes of the pixels above their random number; their stage."""
        pipe[f"spike{lane}", stage] = pipe[f"pixel{lane}", stage] > pipe[f"limit{lane}_", stage]
        return stage

    def _lfsr(self, m: Module, seed: Value, advance: Value, last_word: Value, restart: Value) -> list[Value]:
        """One number of 8 LFSR bits a lane; ``advance`` moves on by a word, ``restart`` to the first pixel."""
        state = Signal(chip.LFSR_BITS)
        seeded = Signal()  # in the cycle after a reset
        used = self.image_pixels - (self.words - 1) * self.lanes
        bits = [1 << q for q in range(chip.LFSR_BITS)]  # bit n of the sequence, as a set of state bits
        while len(bits) < chip.PIXEL_BITS * self.lanes + chip.LFSR_BITS:
            bits.append(reduce(xor, (bits[len(bits) - chip.LFSR_BITS + tap] for tap in chip.LFSR_TAPS)))

        def window(start: int, width: int) -> Value:
            return Cat(_parity(state, mask) for mask in bits[start : start + width])

        with m.If(advance):
            m.d.sync += state.eq(window(chip.PIXEL_BITS * self.lanes, chip.LFSR_BITS))
            with m.If(last_word):
                m.d.sync += state.eq(window(chip.PIXEL_BITS * used, chip.LFSR_BITS))
        m.d.sync += seeded.eq(1)
        with m.If(~seeded | (advance & restart)):
            m.d.sync += state.eq(seed)
        return [window(chip.PIXEL_BITS * n, chip.PIXEL_BITS) for n in range(self.lanes)]


def _parity(state: Signal, mask: int) -> Value:
    return reduce(xor, (state[q] for q in range(len(state)) if mask >> q & 1), Const(0, 1))
