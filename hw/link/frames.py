"""Frames: bytes with a CRC-32 at their end, made free of zeros by COBS, with a zero behind.

COBS is Cheshire and Baker's consistent overhead byte stuffing (IEEE/ACM Transactions on Networking 7(2), 1999); the CRC
is that of Ethernet, sent lowest byte first. An empty frame is none, so zeros may come at any time.
"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import crc, data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

CRC = crc.catalog.CRC32_ISO_HDLC
CRC_BYTES = 4
#: the most bytes that one COBS code stands for, itself included
LONGEST = 255


def token() -> data.StructLayout:
    """A byte of a frame; ``last`` marks the frame's final one."""
    return data.StructLayout({"data": 8, "last": 1})


class FrameReceiver(wiring.Component):
    """Collects the frames among received bytes and offers those that are whole, their CRC left out.

    ``data``, ``valid`` and ``broken`` come from :class:`hw.link.uart.UartReceiver`. A frame has up to ``capacity``
    bytes, CRC included, a power of two; one is kept while the next comes in. ``length``, without the CRC, holds as long
    as a frame is offered. What is too long, too short, altered, not COBS, comes while both places are taken, or stops
    for ``patience`` cycles, is dropped: ``dropped`` says so for a cycle. Throughput: a byte every other cycle. Latency:
    3 cycles from the zero to the first byte.
    """

    def __init__(self, capacity: int, patience: int) -> None:
        self.capacity = capacity
        self.patience = patience
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "broken": In(1),
                "frames": Out(stream.Signature(token())),
                "length": Out(range(capacity)),
                "dropped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = memory.Memory(shape=8, depth=2 * self.capacity, init=[])
        write, read = store.write_port(), store.read_port()
        m.submodules.crc = check = CRC().create()

        # Of the frame that comes in.
        page, taken = Signal(), Signal(2)  # where it goes; which pages hold a frame
        length = Signal(range(self.capacity + 1))
        left = Signal(8)  # bytes before the next code
        full = Signal()  # the latest code has no zero behind its bytes
        begun, bad = Signal(), Signal()
        quiet = Signal(range(self.patience))
        lengths = [Signal(range(self.capacity + 1), name=f"length{n}") for n in range(2)]

        code, zero = Signal(), Signal()
        byte = Signal()
        good = Signal()
        m.d.comb += [
            zero.eq(self.valid & (self.data == 0)),
            code.eq(self.valid & ~zero & (left == 0)),
            byte.eq(self.valid & ~zero & ((left != 0) | (begun & ~full))),
            good.eq(~bad & (left == 0) & (length > CRC_BYTES) & check.match_detected),
            write.addr.eq(Cat(length[: self.capacity.bit_length() - 1], page)),
            write.data.eq(Mux(left == 0, 0, self.data)),
            write.en.eq(byte & ~taken.bit_select(page, 1)),
            check.data.eq(write.data),
            check.valid.eq(byte),
            check.start.eq(~begun),
        ]
        m.d.sync += self.dropped.eq(0)
        with m.If(self.valid | ~begun):
            m.d.sync += quiet.eq(0)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        with m.If(code):
            m.d.sync += [begun.eq(1), left.eq(self.data - 1), full.eq(self.data == LONGEST)]
        with m.Elif(byte):
            m.d.sync += left.eq(left - 1)
        with m.If(byte):
            m.d.sync += length.eq(length + 1)
        with m.If(self.broken | (byte & ((length == self.capacity) | taken.bit_select(page, 1)))):
            m.d.sync += bad.eq(1)
        with m.If(zero | (quiet == self.patience - 1)):
            m.d.sync += [begun.eq(0), bad.eq(0), left.eq(0), length.eq(0), full.eq(0)]
            with m.If(zero & good):
                m.d.sync += page.eq(~page)
                for n in range(2):
                    with m.If(page == n):
                        m.d.sync += [taken[n].eq(1), lengths[n].eq(length - CRC_BYTES)]
            with m.Elif(begun | bad):
                m.d.sync += self.dropped.eq(1)

        # Of the frame that is offered: a byte is read, then offered.
        shown = Signal()
        place = Signal(range(self.capacity))
        out = self.frames
        m.d.comb += [
            self.length.eq(Mux(shown, lengths[1], lengths[0])),
            read.addr.eq(Cat(place, shown)),
            out.payload.data.eq(read.data),
            out.payload.last.eq(place == self.length - 1),
        ]
        m.d.sync += out.valid.eq(taken.bit_select(shown, 1) & ~(out.valid & out.ready))
        with m.If(out.valid & out.ready):
            m.d.sync += place.eq(place + 1)
            with m.If(out.payload.last):
                m.d.sync += [place.eq(0), shown.eq(~shown)]
                for n in range(2):
                    with m.If(shown == n):
                        m.d.sync += taken[n].eq(0)
        return m


class FrameSender(wiring.Component):
    """Puts a CRC behind each frame and encodes it; ``bytes`` are for a line.

    Runs of bytes other than zero are gathered before they leave, up to 254, so that a frame begins to leave when its
    first run has ended.
    """

    #: bytes gathered: a run with its code, and the zero behind
    DEPTH = 512

    def __init__(self) -> None:
        super().__init__({"frames": In(stream.Signature(token())), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = check = CRC().create()
        m.submodules.store = store = memory.Memory(shape=8, depth=self.DEPTH, init=[])
        write, read = store.write_port(), store.read_port()
        start = Signal(range(self.DEPTH))  # where the run's code goes; all before it may leave
        run = Signal(8, init=1)  # the code, so far
        room = Signal()
        place = Signal(range(self.DEPTH))
        m.d.comb += [
            check.data.eq(self.frames.payload.data),
            check.valid.eq(self.frames.valid & self.frames.ready),
            room.eq((start + run + 1)[: len(place)] != place),
        ]

        rest = Signal(range(CRC_BYTES + 1))  # bytes of the CRC yet to come
        byte, more = Signal(8), Signal()
        over = Signal()
        m.d.comb += [
            byte.eq(Mux(rest != 0, check.crc.word_select((CRC_BYTES - rest)[:2], 8), self.frames.payload.data)),
            more.eq((rest != 0) | self.frames.valid),
        ]
        with m.FSM():
            with m.State("frame"):
                with m.If(room & more):
                    with m.If((byte == 0) | (run == LONGEST)):
                        # The run's code; a zero is taken with it, any other byte begins the next run.
                        m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(run)]
                        m.d.sync += [start.eq(start + run), run.eq(1)]
                        m.d.comb += over.eq((byte == 0) & (run != LONGEST))
                    with m.Else():
                        m.d.comb += [write.en.eq(1), write.addr.eq(start + run), write.data.eq(byte), over.eq(1)]
                        m.d.sync += run.eq(run + 1)
                with m.If(over):
                    with m.If(rest != 0):
                        m.d.sync += rest.eq(rest - 1)
                        with m.If(rest == 1):
                            m.next = "code"
                    with m.Else():
                        m.d.comb += self.frames.ready.eq(1)
                        with m.If(self.frames.payload.last):
                            m.d.sync += rest.eq(CRC_BYTES)
            with m.State("code"), m.If(room):
                m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(run)]
                m.d.sync += [start.eq(start + run), run.eq(1)]
                m.next = "zero"
            with m.State("zero"), m.If(room):
                m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(0), check.start.eq(1)]
                m.d.sync += start.eq(start + 1)
                m.next = "frame"

        m.d.comb += [read.addr.eq(place), self.bytes.payload.eq(read.data)]
        m.d.sync += self.bytes.valid.eq((place != start) & ~(self.bytes.valid & self.bytes.ready))
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += place.eq(place + 1)
        return m
