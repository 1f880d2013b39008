"""Frames: bytes with a CRC-32 at their end, made free of zeros by COBS, with a zero behind.

COBS is Cheshire and Baker's consistent overhead byte stuffing (IEEE/ACM Transactions on Networking 7(2), 1999); the CRC
is that of Ethernet, sent lowest byte first. An empty frame is none, so zeros may come at any time.
"""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import crc, data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.link.protocol import REQUEST_HEAD, Command

CRC_BYTES = 4
BYTE = 8
#: the least distance of received bytes that the CRC keeps up with
LEAST_CYCLES = BYTE + 2
#: the most bytes that one COBS code stands for, itself included
LONGEST = 255


def token() -> data.StructLayout:
    """A byte of a frame; ``last`` marks the frame's final one."""
    return data.StructLayout({"data": 8, "last": 1})


def call() -> data.StructLayout:
    """A request without a body."""
    return data.StructLayout({"command": 8, "tag": 16})


#: requests that overtake those before them
URGENT = (Command.RESET, Command.IDENTIFY)


class SerialCrc(wiring.Component):
    """The CRC of bytes, a bit a cycle: ``take`` takes a byte, ``busy`` is high until the next may come.

    ``start`` begins anew. ``match`` says that what came ends with its own CRC, which is ``crc`` otherwise.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "take": In(1),
                "byte": In(BYTE),
                "start": In(1),
                "busy": Out(1),
                "crc": Out(8 * CRC_BYTES),
                "match": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = check = crc.catalog.CRC32_ISO_HDLC(data_width=1).create()
        rest, left = Signal(BYTE), Signal(range(BYTE + 1))
        m.d.comb += [
            self.busy.eq(left != 0),
            check.start.eq(self.start),
            check.data.eq(rest[0]),
            check.valid.eq(self.busy),
            self.crc.eq(check.crc),
            self.match.eq(check.match_detected),
        ]
        with m.If(self.take):
            m.d.sync += [rest.eq(self.byte), left.eq(BYTE)]
        with m.Elif(self.busy):
            m.d.sync += [rest.eq(rest[1:]), left.eq(left - 1)]
        return m


class FrameReceiver(wiring.Component):
    """Collects the frames among received bytes and offers those that are whole, their CRC left out.

    ``data``, ``valid`` and ``broken`` come from :class:`UartReceiver`. A frame has up to ``capacity``
    bytes, CRC included, a power of two; one is kept while the next comes in. ``length``, without the CRC, holds as long
    as a frame is offered. What is too long, too short, altered, not COBS, comes while both places are taken, or stops
    for ``patience`` cycles, is dropped: ``dropped`` says so for a cycle. Throughput: a byte every LEAST_CYCLES in,
    every third cycle out. Latency: 4 cycles from the zero to the first byte.

    With ``calls``, the requests that are URGENT are offered there, not among the frames, also while both places are
    taken; the latest only. ``forget`` drops the frames that are kept, that which is being offered included.
    """

    def __init__(self, capacity: int, patience: int, *, calls: bool = False) -> None:
        self.capacity = capacity
        self.patience = patience
        self._calls = calls
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "broken": In(1),
                "frames": Out(stream.Signature(token())),
                "length": Out(range(capacity)),
                "dropped": Out(1),
            }
            | ({"calls": Out(stream.Signature(call())), "forget": In(1)} if calls else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.store = store = memory.Memory(shape=8, depth=2 * self.capacity, init=[])
        write, read = store.write_port(), store.read_port()
        m.submodules.crc = check = SerialCrc()

        # Of the frame that comes in.
        page, taken = Signal(), Signal(2)  # where it goes; which pages hold a frame
        length = Signal(range(self.capacity + 1))
        left = Signal(8)  # bytes before the next code
        full = Signal()  # the latest code has no zero behind its bytes
        begun, bad = Signal(), Signal()
        quiet = Signal(range(self.patience))
        ends = [Signal(range(self.capacity), name=f"end{n}") for n in range(2)]  # number of a frame's last byte

        # What is compared is compared a cycle before it matters.
        came, value, is_zero, is_longest = Signal(), Signal(8), Signal(), Signal()
        ended, overlong, matched, silent = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            came.eq(self.valid),
            value.eq(self.data),
            is_zero.eq(self.data == 0),
            is_longest.eq(self.data == LONGEST),
            ended.eq((left == 0) & (length > CRC_BYTES)),
            overlong.eq((length == self.capacity) | taken.bit_select(page, 1)),
            matched.eq(check.match),
            silent.eq(quiet == self.patience - 1),
        ]
        code, zero = Signal(), Signal()
        byte = Signal()
        good = Signal()
        m.d.comb += [
            zero.eq(came & is_zero),
            code.eq(came & ~is_zero & (left == 0)),
            byte.eq(came & ~is_zero & ((left != 0) | (begun & ~full))),
            good.eq(~bad & ended & matched),
            write.addr.eq(Cat(length[: self.capacity.bit_length() - 1], page)),
            write.data.eq(Mux(left == 0, 0, value)),
            write.en.eq(byte & ~taken.bit_select(page, 1)),
            check.byte.eq(write.data),
            check.take.eq(byte),
            check.start.eq(~begun),
        ]
        stored: Value = good
        lost = begun | bad
        if self._calls:
            head, spoilt = (
                Signal(call(), reset_less=True),
                Signal(),
            )  # of what comes in, whether or not there is a place
            with m.If(byte & (length < REQUEST_HEAD)):
                m.d.sync += head.eq(Cat(Value.cast(head)[BYTE:], write.data))
            with m.If(self.broken | (byte & (length == self.capacity))):
                m.d.sync += spoilt.eq(1)
            with m.If(zero | silent):
                m.d.sync += spoilt.eq(0)
            called = self._call(m, head, zero & ended & matched & ~spoilt, length)
            stored, lost = good & ~called, lost & ~called
            with m.If(self.forget):
                m.d.sync += taken.eq(0)
        m.d.sync += self.dropped.eq(0)
        with m.If(came | ~begun):
            m.d.sync += quiet.eq(0)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        with m.If(code):
            m.d.sync += [begun.eq(1), left.eq(value - 1), full.eq(is_longest)]
        with m.Elif(byte):
            m.d.sync += left.eq(left - 1)
        with m.If(byte):
            m.d.sync += length.eq(length + 1)
        with m.If(self.broken | (byte & overlong)):
            m.d.sync += bad.eq(1)
        with m.If(zero | silent):
            m.d.sync += [begun.eq(0), bad.eq(0), left.eq(0), length.eq(0), full.eq(0)]
            with m.If(zero & stored):
                m.d.sync += page.eq(~page)
                for n in range(2):
                    with m.If(page == n):
                        m.d.sync += [taken[n].eq(1), ends[n].eq(length - CRC_BYTES - 1)]
            with m.Elif(lost):
                m.d.sync += self.dropped.eq(1)

        # Of the frame that is offered: a byte is read, registered, then offered.
        shown, settled = Signal(), Signal()
        place = Signal(range(self.capacity))
        out = self.frames
        end = Signal(range(self.capacity))
        m.d.comb += [
            end.eq(Mux(shown, ends[1], ends[0])),
            read.addr.eq(Cat(place, shown)),
        ]
        m.d.sync += [
            self.length.eq(end + 1),
            out.payload.data.eq(read.data),
            out.payload.last.eq(place == end),
            settled.eq(~(out.valid & out.ready)),
            out.valid.eq(taken.bit_select(shown, 1) & settled & ~(out.valid & out.ready)),
        ]
        with m.If(out.valid & out.ready):
            m.d.sync += place.eq(place + 1)
            with m.If(out.payload.last):
                m.d.sync += [place.eq(0), shown.eq(~shown)]
                for n in range(2):
                    with m.If(shown == n):
                        m.d.sync += taken[n].eq(0)
        if self._calls:
            with m.If(self.forget):
                m.d.sync += [place.eq(0), shown.eq(page), settled.eq(0), out.valid.eq(0)]
        return m

    def _call(self, m: Module, head: data.View, whole: Value, length: Value) -> Value:
        """Offers what begins with ``head`` if it is ``whole`` and urgent; whether it is, in this cycle."""
        out = self.calls
        urgent, called = Signal(), Signal()
        m.d.sync += urgent.eq(
            (length == REQUEST_HEAD + CRC_BYTES) & Cat(head.command == command for command in URGENT).any()
        )
        m.d.comb += called.eq(whole & urgent)
        with m.If(out.ready):
            m.d.sync += out.valid.eq(0)
        with m.If(called):
            m.d.sync += [out.valid.eq(1), Value.cast(out.payload).eq(Value.cast(head))]
        return called


class FrameSender(wiring.Component):
    """Puts a CRC behind each frame and encodes it; ``bytes`` are for a line.

    Runs of bytes other than zero are gathered before they leave, up to 254, so that a frame begins to leave when its
    first run has ended. Throughput: a byte every 11 cycles, 13 where a run ends.
    """

    #: bytes gathered: a run with its code, and the zero behind
    DEPTH = 512

    def __init__(self) -> None:
        super().__init__({"frames": In(stream.Signature(token())), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = check = SerialCrc()
        m.submodules.store = store = memory.Memory(shape=8, depth=self.DEPTH, init=[])
        write, read = store.write_port(), store.read_port()
        start = Signal(range(self.DEPTH))  # where the run's code goes; all before it may leave
        run = Signal(8, init=1)  # the code, so far
        place = Signal(range(self.DEPTH))
        byte, ending = Signal(8), Signal()
        sent = Signal(range(CRC_BYTES + 1))  # bytes of the CRC
        # Registered, so that start, run and byte must have been the same for a cycle wherever these matter.
        end, room, breaks, busy = Signal.like(start), Signal(), Signal(), Signal()
        m.d.sync += [
            busy.eq(check.busy),
            end.eq(start + run),
            room.eq((start + run + 1)[: len(place)] != place),
            breaks.eq((byte == 0) | (run == LONGEST)),
        ]
        m.d.comb += [
            check.byte.eq(self.frames.payload.data),
            check.take.eq(self.frames.valid & self.frames.ready),
        ]
        with m.FSM():
            with m.State("take"):
                m.d.comb += self.frames.ready.eq(1)
                m.d.sync += [byte.eq(self.frames.payload.data), ending.eq(self.frames.payload.last)]
                with m.If(self.frames.valid):
                    m.next = "look"
            with m.State("look"):
                m.next = "put"
            with m.State("put"), m.If(room & ~busy):
                m.d.comb += write.en.eq(1)
                with m.If(breaks):
                    # The run's code; a zero is taken with it, any other byte begins the next run.
                    m.d.comb += [write.addr.eq(start), write.data.eq(run)]
                    m.d.sync += [start.eq(end), run.eq(1)]
                with m.Else():
                    m.d.comb += [write.addr.eq(end), write.data.eq(byte)]
                    m.d.sync += run.eq(run + 1)
                with m.If(breaks & ((byte != 0) | (run == LONGEST))):
                    m.next = "look"
                with m.Elif(ending):
                    m.next = "crc"
                with m.Else():
                    m.next = "take"
            with m.State("crc"):
                m.d.sync += [byte.eq(check.crc.word_select(sent[:2], 8)), sent.eq(sent + 1)]
                m.next = "look"
                with m.If(sent == CRC_BYTES):
                    m.next = "code"
            with m.State("code"), m.If(room):
                m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(run)]
                m.d.sync += [start.eq(end), run.eq(1)]
                m.next = "end"
            with m.State("end"):
                m.next = "zero"
            with m.State("zero"), m.If(room):
                m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(0), check.start.eq(1)]
                m.d.sync += [start.eq(start + 1), sent.eq(0)]
                m.next = "take"

        m.d.comb += [read.addr.eq(place), self.bytes.payload.eq(read.data)]
        m.d.sync += self.bytes.valid.eq((place != start) & ~(self.bytes.valid & self.bytes.ready))
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += place.eq(place + 1)
        return m
