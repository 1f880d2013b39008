"""Pixels to spikes: an image buffer of two pages, and behind it the gates of a kind of encoder (`hw/encoders/`)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.encoders.encoder import PIXEL_BITS, STEP_BITS, Encoder
from captwin.hw.gates.stores import Contents, Stores, load_port
from captwin.hw.gates.streams import Landing, Pipeline, spike_word


@dataclass(frozen=True)
class PixelWords:
    """What the gates of a kind of encoder are made of: the words of pixels on their way through a pipeline.

    Attributes
    ----------
    m : :class:`amaranth.Module`
        The module to which gates are added.
    pipe : :class:`Pipeline`
        Holds ``step``, the number of the time step, and ``pixel0``, ``pixel1``, ... of each lane, each from the stage
        that :meth:`Encoder.gates` is told on.
    control : :class:`Pipeline`
        Holds ``valid``, high where there is a word; ``last``, high if it is its time step's last; and ``end``, high
        if it is its image's last.
    settings : :class:`amaranth.lib.data.View`
        ``last_step``, and the encoder's ``GATE_SETTINGS``.
    lanes : int
        Pixels of a word.
    last_word_pixels : int
        Pixels of a time step's last word, the others being padding.
    FIRST_STAGE : class attribute
        The stage at which the first pixels of a word are there.
    """

    m: Module
    pipe: Pipeline
    control: Pipeline
    settings: Any
    lanes: int
    last_word_pixels: int

    FIRST_STAGE: ClassVar = 2


class SpikeEncoder(wiring.Component):
    """Takes an image and sends its spikes, time step by time step.

    While one image is being encoded the next one loads. The pixels of a word are in groups of GROUP, each with a
    memory and control registers of its own, a cycle behind those of the group before it: no register reaches all
    pixels.

    Throughput: a beat a cycle on either side. Latency: :meth:`latency` cycles from an image's last beat to its
    first word.

    Parameters
    ----------
    encoder : :class:`Encoder`
        Which pixels spike when.
    pixels : int
        Pixels of an image.
    lanes : int, a power of two
        Pixels of a beat, and of a word of spikes.
    stores_from : int or None
        The number of the store that holds the settings, which ``load`` then writes; None if they are constants.

    Attributes
    ----------
    pixels : In(stream of ``lanes`` pixels of 8 bits)
        Images in raster order, one behind the other. An image's last beat is filled up with anything.
    spikes : Out(stream of :func:`spike_word`)
        Words of ``lanes`` spikes in the order of the pixels, time step by time step; padding never spikes.
    started : Out(1)
        High for one cycle when the first beat of an image is accepted.
    load : In(:func:`load_bus`)
        Writes the settings. Only if ``stores_from`` is not None.
    encoder, image_pixels, lanes, stores_from
        The parameters; ``image_pixels`` is that which is called ``pixels``.
    words : int
        Beats of an image, and words of a time step.
    QUEUE : class attribute
        Words of spikes that wait for the receiver at most.
    GROUP : class attribute
        Pixels that have a memory together.
    """

    QUEUE = 16
    GROUP = 16

    def __init__(self, encoder: Encoder, pixels: int, lanes: int, *, stores_from: int | None = None) -> None:
        self.encoder = encoder
        self.stores_from = stores_from
        self.image_pixels = pixels
        self.lanes = lanes
        self.words = -(-pixels // lanes)
        super().__init__(
            {
                "pixels": In(stream.Signature(data.ArrayLayout(PIXEL_BITS, lanes))),
                "spikes": Out(stream.Signature(spike_word(lanes))),
                "started": Out(1),
            }
            | load_port(stores_from)
        )
        self._settings = data.StructLayout({"last_step": STEP_BITS, **encoder.GATE_SETTINGS})
        self._page_bits = max(1, (self.words - 1).bit_length())

    @cached_property
    def contents(self) -> list[Contents]:
        """The one store, ``settings``: the last step's number, and the encoder's own numbers."""
        numbers = {name: getattr(self.encoder, name) for name in self.encoder.GATE_SETTINGS}
        settings = self._settings.const({"last_step": self.encoder.steps - 1, **numbers})
        return [Contents("settings", self._settings.size, [Value.cast(settings).value])]

    @classmethod
    def latency(cls, encoder: Encoder, lanes: int) -> int:
        """Cycles from an image's last beat to its first word: 5, one for each group of a word's pixels but the first,
        and the encoder's ``gate_stages``."""
        return 5 + (lanes - 1) // cls.GROUP + encoder.gate_stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stores = Stores.of(m, self, self.contents)
        settings = stores.register("settings", self._settings)
        full = Signal(2)  # each page: holds an image whose spikes have not all been fetched

        load_page, load_word, accept, loaded = self._load(m, full)
        fetch = Signal()
        page, word, step, last_word, finished = self._fetch(m, settings, fetch)
        for n in range(2):
            with m.If(loaded & (load_page == n)):
                m.d.sync += full[n].eq(1)
            with m.Elif(finished & (page == n)):
                m.d.sync += full[n].eq(0)

        control, pipe = Pipeline(m, resets=True), Pipeline(m)
        control["valid", 0], control["last", 0], control["end", 0] = fetch, last_word, finished
        pipe["step", 0], pipe["place", 0] = step, Cat(word, page)
        self._image_memories(m, pipe, control, accept, Cat(load_word, load_page))
        ready = self._encode(PixelWords(m, pipe, control, settings, self.lanes, self._last_word_pixels))
        landing = Landing(m, self.spikes, self.QUEUE, entering=fetch, arriving=control["valid", ready])
        m.d.comb += [
            fetch.eq(full.bit_select(page, 1) & (landing.taken != self.QUEUE)),
            landing.beat.last.eq(control["last", ready]),
        ]
        for n in range(self.lanes):
            spike = pipe[f"spike{n}", ready]
            padding = n >= self._last_word_pixels
            m.d.comb += landing.beat.spikes[n].eq(spike & ~control["last", ready] if padding else spike)
        return m

    @property
    def _last_word_pixels(self) -> int:
        return self.image_pixels - (self.words - 1) * self.lanes

    def _load(self, m: Module, full: Signal) -> tuple[Signal, Signal, Signal, Signal]:
        """The loading side: the page and word that a beat goes to, whether one is accepted, and an image's last."""
        load_page = Signal()
        load_word = Signal(self._page_bits)
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
        return load_page, load_word, accept, loaded

    def _fetch(self, m: Module, settings: Any, fetch: Signal) -> tuple[Signal, Signal, Signal, Value, Signal]:
        """The encoding side: the page, word and time step that is fetched next, whether the word is its time step's
        last, and whether the word that is fetched is its image's last."""
        page = Signal()
        word = Signal(self._page_bits)
        step = Signal(range(max(self.encoder.steps, 2)))
        finished = Signal()
        last_word, last_step = word == self.words - 1, step == settings.last_step
        m.d.comb += finished.eq(fetch & last_word & last_step)
        with m.If(fetch):
            m.d.sync += word.eq(Mux(last_word, 0, word + 1))
            with m.If(last_word):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
        with m.If(finished):
            m.d.sync += page.eq(~page)
        return page, word, step, last_word, finished

    def _image_memories(self, m: Module, pipe: Pipeline, control: Pipeline, accept: Signal, load_place: Value) -> None:
        """The buffer, a memory for each group of lanes: beats go to ``load_place``, words come from ``place``."""
        for group, start in enumerate(range(0, self.lanes, self.GROUP)):
            lanes = range(self.lanes)[start : start + self.GROUP]
            m.submodules[f"image{group}"] = image = memory.Memory(
                shape=data.ArrayLayout(PIXEL_BITS, len(lanes)),
                depth=2 << self._page_bits,
                init=[],
                attrs={"ram_style": "block"},  # of LUTs, a wide one would be spread too far for one address
            )
            write, read = image.write_port(), image.read_port()
            m.d.comb += [
                write.addr.eq(load_place),
                write.en.eq(accept),
                read.addr.eq(pipe["place", group]),
                read.en.eq(control["valid", group]),
            ]
            for n, lane in enumerate(lanes):
                m.d.comb += write.data[n].eq(self.pixels.payload[lane])
                pipe[f"pixel{lane}", 1 + group] = read.data[n]

    def _encode(self, words: PixelWords) -> int:
        """The encoder's gates, which give each lane's ``spike``; returns the stage at which all of a word are there."""
        self.encoder.shared_gates(words)
        stages = [PixelWords.FIRST_STAGE + lane // self.GROUP for lane in range(self.lanes)]
        for lane, stage in enumerate(stages):
            words.pipe[f"spike{lane}", stage + self.encoder.gate_stages] = self.encoder.gates(words, lane, stage)
        return stages[-1] + self.encoder.gate_stages
