"""Pixels to spikes: an image buffer of two pages and the `rate`, `bernoulli` and `latency` codes."""

from functools import reduce
from operator import xor

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw import chip
from hw.streams import Pipeline, spike_word


class SpikeEncoder(wiring.Component):
    """Takes an image and sends its spikes, time step by time step.

    While one image is being encoded the next one loads. Pixels come in raster order, ``lanes`` a beat, the image's
    last beat filled up with anything; spikes leave in the same order as words of ``lanes``, padding never spiking.

    Throughput: a beat a cycle on either side. Latency: :meth:`latency` cycles from an image's last beat to its
    first word.
    """

    def __init__(self, encoder: chip.Encoder, pixels: int, lanes: int) -> None:
        self.encoder = encoder
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
        )

    @staticmethod
    def latency(encoder: chip.Encoder) -> int:
        """Cycles from an image's last beat to its first word: 4, and as many as the pixels' code takes more."""
        doublings = (encoder.steps - 1).bit_length().bit_length()  # of the terms of the `rate` code's phase
        return 4 + {"rate": doublings, "latency": 1, "bernoulli": 0}[encoder.kind]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        page_bits = max(1, (self.words - 1).bit_length())
        m.submodules.image = image = memory.Memory(
            shape=unsigned(chip.PIXEL_BITS * self.lanes), depth=2 << page_bits, init=[]
        )
        write, read = image.write_port(), image.read_port()
        full = Signal(2)

        # Loading side.
        load_page = Signal()
        load_word = Signal(page_bits)
        accept = Signal()
        m.d.comb += [
            self.pixels.ready.eq(~full.bit_select(load_page, 1)),
            accept.eq(self.pixels.valid & self.pixels.ready),
            self.started.eq(accept & (load_word == 0)),
            write.addr.eq(Cat(load_word, load_page)),
            write.data.eq(Value.cast(self.pixels.payload)),
            write.en.eq(accept),
        ]
        loaded = Signal()
        m.d.comb += loaded.eq(accept & (load_word == self.words - 1))
        with m.If(accept):
            m.d.sync += load_word.eq(Mux(loaded, 0, load_word + 1))
        with m.If(loaded):
            m.d.sync += load_page.eq(~load_page)

        # Encoding side: address -> page memory -> spikes, advancing while the output has room.
        page = Signal()
        word = Signal(page_bits)
        step = Signal(range(max(self.encoder.steps, 2)))
        advance = Signal()
        fetch = Signal()
        finished = Signal()
        last_word, last_step = word == self.words - 1, step == self.encoder.steps - 1
        m.d.comb += [
            advance.eq(~self.spikes.valid | self.spikes.ready),
            fetch.eq(advance & full.bit_select(page, 1)),
            finished.eq(fetch & last_word & last_step),
            read.addr.eq(Cat(word, page)),
            read.en.eq(fetch),
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

        control = Pipeline(m, "", advance, resets=True)
        control["valid", 0], control["step", 0] = fetch, step
        control["last", 0], control["end", 0] = last_word, finished
        pipe = Pipeline(m, "", advance)
        codes = data.View(self.pixels.payload.shape(), read.data)
        for n in range(self.lanes):
            pipe[f"pixel{n}", 1] = codes[n]
        ready = getattr(self, f"_{self.encoder.kind}")(m, control, pipe, advance)
        used = self.image_pixels - (self.words - 1) * self.lanes
        with m.If(advance):
            m.d.sync += [
                self.spikes.valid.eq(control["valid", ready]),
                self.spikes.payload.last.eq(control["last", ready]),
            ]
            for n in range(self.lanes):
                spike = pipe[f"spike{n}", ready]
                m.d.sync += self.spikes.payload.spikes[n].eq(spike & ~control["last", ready] if n >= used else spike)
        return m

    def _rate(self, m: Module, control: Pipeline, pipe: Pipeline, advance: Value) -> int:
        """Spikes where the phase accumulator, phase + step * pixel, overflows by one pixel more; their stage."""
        bits = (self.encoder.steps - 1).bit_length()
        stage = 2
        for n in range(self.lanes):
            # The product as shifted copies, added two by two, a level a stage: FPGAs have few multipliers.
            step, pixel = control["step", 2], pipe[f"pixel{n}", 2]
            terms = [Mux(step[q], pixel << q, 0)[: chip.PIXEL_BITS] for q in range(bits)]
            terms.append(Const(self.encoder.phase, chip.PIXEL_BITS))
            stage = 2
            while len(terms) > 1:
                stage += 1
                sums = [sum(terms[q : q + 2])[: chip.PIXEL_BITS] for q in range(0, len(terms), 2)]
                for q, total in enumerate(sums):
                    pipe.register(f"phase{n}_{q}_", stage, total)
                terms = [pipe[f"phase{n}_{q}_", stage] for q in range(len(sums))]
            pipe[f"spike{n}", stage] = terms[0] + pipe[f"pixel{n}", stage] > chip.PIXEL_MAX
        return stage

    def _latency(self, m: Module, control: Pipeline, pipe: Pipeline, advance: Value) -> int:
        """Spikes in the step that is due, brighter pixels earlier; their stage."""
        for n in range(self.lanes):
            pixel = pipe[f"pixel{n}", 2]
            pipe.register(f"due{n}_", 3, ((chip.PIXEL_MAX - pixel) * self.encoder.steps) >> chip.PIXEL_BITS)
            pipe[f"spike{n}", 3] = (pipe[f"pixel{n}", 3] > 0) & (pipe[f"due{n}_", 3] == control["step", 3])
        return 3

    def _bernoulli(self, m: Module, control: Pipeline, pipe: Pipeline, advance: Value) -> int:
        """Spikes of the pixels above their random number; their stage."""
        limits = self._lfsr(m, control["valid", 2] & advance, control["last", 2], control["end", 2])
        for n, limit in enumerate(limits):
            pipe[f"spike{n}", 2] = pipe[f"pixel{n}", 2] > limit
        return 2

    def _lfsr(self, m: Module, advance: Value, last_word: Value, restart: Value) -> list[Value]:
        """One number of 8 LFSR bits a lane; ``advance`` moves on by a word, ``restart`` to the first pixel."""
        state = Signal(chip.LFSR_BITS, init=self.encoder.seed)
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
            with m.If(restart):
                m.d.sync += state.eq(self.encoder.seed)
        return [window(chip.PIXEL_BITS * n, chip.PIXEL_BITS) for n in range(self.lanes)]


def _parity(state: Signal, mask: int) -> Value:
    return reduce(xor, (state[q] for q in range(len(state)) if mask >> q & 1), Const(0, 1))
