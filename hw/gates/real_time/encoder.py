"""Pixels to the spikes of a whole time step each clock cycle."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.chip import Chip
from captwin.hw.encoders.encoder import PIXEL_BITS, Encoder
from captwin.hw.gates.options import LARGEST_REAL_TIME
from captwin.hw.gates.stores import Contents
from captwin.hw.gates.streams import COPY
from captwin.hw.support.errors import CaptwinError


def plane(rows: int) -> data.StructLayout:
    """All spikes of one time step; ``first`` marks the first step of an image."""
    return data.StructLayout({"spikes": rows, "first": 1})


def full_rate_lanes(chip: Chip) -> int:
    """The fewest pixel lanes by which a real-time core takes an image every ``steps`` cycles, or the most there are."""
    lanes = 1
    while lanes * chip.encoder.steps < chip.pixels and lanes < LARGEST_REAL_TIME:
        lanes *= 2
    return lanes


class PlaneEncoder(wiring.Component):
    """Takes an image and gives the spikes of all its pixels, a time step each clock cycle.

    Every pixel has gates of its own. While one image is shown the next one arrives. Images begin to be shown in cycles
    that are whole multiples of ``encoder.steps`` apart.

    Throughput: a beat a cycle; an image every ``encoder.steps`` cycles, if it has no more beats than that. Latency:
    from an image's last beat LATENCY cycles to its first step, and up to ``encoder.steps`` - 1 more.

    Parameters
    ----------
    encoder : :class:`Encoder`
        Which pixels spike when; :class:`CaptwinError` if the kind has no gates for real time.
    pixels : int
        Pixels of an image.
    lanes : int, a power of two
        Pixels of a beat.
    stores_from : None
        As the parameter of other encoders; a real-time core is never loadable.

    Attributes
    ----------
    pixels : In(stream of ``lanes`` pixels of 8 bits)
        Images in raster order, one behind the other. An image's last beat is filled up with anything.
    spikes : Out(stream of :func:`plane`)
        The time steps of each image. ``ready`` is looked at before an image begins; its steps then follow each other.
    started : Out(1)
        High for one cycle when the first beat of an image is accepted.
    encoder, image_pixels, lanes
        The parameters; ``image_pixels`` is that which is called ``pixels``.
    words : int
        Beats of an image.
    contents : list
        Nothing: no store is written.
    LATENCY, GROUP : class attributes
        The cycles above; and pixels that have a copy of the control registers together.
    """

    LATENCY = 4
    GROUP = 16

    def __init__(self, encoder: Encoder, pixels: int, lanes: int, *, stores_from: None = None) -> None:
        if not encoder.REAL_TIME:
            raise CaptwinError(
                f"encoder: a real-time core has no gates for {encoder.kind}; train the chip with rate or static"
            )
        self.encoder = encoder
        self.image_pixels = pixels
        self.lanes = lanes
        self.words = -(-pixels // lanes)
        self.contents: list[Contents] = []
        super().__init__(
            {
                "pixels": In(stream.Signature(data.ArrayLayout(PIXEL_BITS, lanes))),
                "spikes": Out(stream.Signature(plane(pixels))),
                "started": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        start, accept, word = self._turns(m)
        kept = self._arrive(m, accept, word)
        starting = Signal()
        m.d.sync += starting.eq(start)
        spikes = []
        for number, group in enumerate(range(0, self.image_pixels, self.GROUP)):
            show = Signal(name=f"show{number}", reset_less=True, attrs=COPY)
            m.d.sync += show.eq(starting)
            for pixel in range(group, min(group + self.GROUP, self.image_pixels)):
                spikes.append(self.encoder.shown(m, kept[pixel], show, f"pixel{pixel}_"))
        m.d.sync += self.spikes.payload.spikes.eq(Cat(spikes))
        return m

    def _turns(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """Which image is where: whether one begins to be shown, whether a beat is accepted, and which of its image's.

        Drives all of ``spikes`` but the spikes.
        """
        steps = self.encoder.steps
        slot = Signal(range(max(steps, 2)))  # an image may begin where it is 0
        word = Signal(range(max(self.words, 2)))
        full, whole, accept, start = Signal(), Signal(), Signal(), Signal()
        last = word == self.words - 1
        m.d.comb += [
            self.pixels.ready.eq(~full),
            accept.eq(self.pixels.valid & ~full),
            self.started.eq(accept & (word == 0)),
            whole.eq(full | (accept & last)),
            start.eq(whole & (slot == 0) & self.spikes.ready),
        ]
        m.d.sync += [slot.eq(Mux(slot == steps - 1, 0, slot + 1)), full.eq(whole & ~start)]
        with m.If(accept):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
        # From the start to its first step it takes LATENCY cycles, and so it does from the last one to the end.
        showing = Signal()
        with m.If(slot == 0):
            m.d.sync += showing.eq(start)
        first, valid = Value.cast(start), Value.cast(showing)
        for stage in range(1, self.LATENCY):
            later = Signal(2, name=f"control{stage}")
            m.d.sync += later.eq(Cat(first, valid))
            first, valid = later[0], later[1]
        m.d.sync += self.spikes.payload.first.eq(first)
        m.d.comb += self.spikes.valid.eq(valid)
        return start, accept, word

    def _arrive(self, m: Module, accept: Signal, word: Signal) -> list[Value]:
        """Registers for one image: what is kept of each pixel, two cycles after its beat is accepted."""
        beat = Signal.like(Value.cast(self.pixels.payload), name="beat", reset_less=True)
        m.d.sync += beat.eq(Value.cast(self.pixels.payload))
        lanes = [Value.cast(self.encoder.kept(beat.word_select(lane, PIXEL_BITS))) for lane in range(self.lanes)]
        kept: list[Value] = []
        for number in range(self.words):
            present = lanes[: self.image_pixels - number * self.lanes]
            for first in range(0, len(present), self.GROUP):
                own, name = Cat(present[first : first + self.GROUP]), f"{number}_{first}"
                writes = Signal(name=f"writes{name}", reset_less=True, attrs=COPY)
                register = Signal(len(own), name=f"word{name}", reset_less=True)
                m.d.sync += writes.eq(accept & (word == number))
                with m.If(writes):
                    m.d.sync += register.eq(own)
                kept += [register.word_select(lane, len(lanes[0])) for lane in range(len(own) // len(lanes[0]))]
        return kept
