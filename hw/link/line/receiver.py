"""The frame receiver: bytes from the line in, contents of sound frames out."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.link.line.crc import BYTE, CRC_BYTES, SerialCrc
from captwin.hw.link.line.frames import LONGEST, URGENT, call, token
from captwin.hw.link.protocol import REQUEST_HEAD

#: least distance in cycles of received bytes, so that the CRC keeps up
LEAST_CYCLES = BYTE + 2


class FrameReceiver(wiring.Component):
    """Collects frames from received bytes and offers the contents of those that are sound, without their CRC.

    There is room for two frames: one may wait while the next comes in. A frame is dropped if it is longer than
    ``capacity`` bytes (CRC included; a power of two), too short, altered, not COBS, comes while both places are taken,
    or stops for ``patience`` cycles. Throughput: a byte every LEAST_CYCLES in, every third cycle out. Latency: 4
    cycles from the zero that ends a frame to the first byte.

    * ``data``, ``valid``, ``broken`` (in): from :class:`UartReceiver`.
    * ``frames`` (out): contents of frames, one byte a beat.
    * ``length`` (out): bytes of the content that is being offered, stable until its last byte is taken.
    * ``dropped`` (out): high for one cycle when a frame is dropped.

    With ``calls`` there are two ports more, for requests that are URGENT, which do not enter ``frames``:

    * ``calls`` (out): the latest urgent request. It is received even while both places are taken.
    * ``forget`` (in): drops all frames that wait, the one that is being offered included.
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
        incoming = _Incoming(m, self, write)
        stored: Value = incoming.good
        lost = incoming.begun | incoming.bad
        if self._calls:
            called = incoming.urgent()
            stored, lost = incoming.good & ~called, lost & ~called
            with m.If(self.forget):
                m.d.sync += incoming.taken.eq(0)
        incoming.follow(stored, lost)
        self._offer(m, incoming, read)
        return m

    def _offer(self, m: Module, incoming: "_Incoming", read: memory.ReadPort) -> None:
        """Offers the frames that were stored: a byte is read, registered, then offered."""
        taken, ends = incoming.taken, incoming.ends
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
                m.d.sync += [place.eq(0), shown.eq(incoming.page), settled.eq(0), out.valid.eq(0)]


class _Incoming:
    """The frame that comes in: it is decoded into the page of the store that is free, and judged at its end."""

    def __init__(self, m: Module, receiver: FrameReceiver, write: memory.WritePort) -> None:
        self._m, self._receiver = m, receiver
        capacity = receiver.capacity
        m.submodules.crc = self._check = SerialCrc()
        page, taken = Signal(), Signal(2)  # where the frame goes; which pages hold a frame
        length = Signal(range(capacity + 1))
        left = Signal(8)  # bytes before the next COBS code
        full = Signal()  # the latest code stands for no zero behind its bytes
        begun, bad = Signal(), Signal()
        quiet = Signal(range(receiver.patience))
        self.page, self.taken, self.begun, self.bad = page, taken, begun, bad
        self._length, self._left, self._full, self._quiet = length, left, full, quiet
        #: of each page, the number of its frame's last byte
        self.ends = [Signal(range(capacity), name=f"end{n}") for n in range(2)]
        self._compare()
        self._decode(write)

    def _compare(self) -> None:
        """Registers the byte that came, and the results of comparisons one cycle before they are used."""
        receiver = self._receiver
        came, value, is_zero, is_longest = Signal(), Signal(8), Signal(), Signal()
        ended, overlong, matched, silent = Signal(), Signal(), Signal(), Signal()
        self._came, self._value, self._is_zero, self._is_longest = came, value, is_zero, is_longest
        self._ended, self._overlong, self._matched, self._silent = ended, overlong, matched, silent
        self._m.d.sync += [
            came.eq(receiver.valid),
            value.eq(receiver.data),
            is_zero.eq(receiver.data == 0),
            is_longest.eq(receiver.data == LONGEST),
            ended.eq((self._left == 0) & (self._length > CRC_BYTES)),
            overlong.eq((self._length == receiver.capacity) | self.taken.bit_select(self.page, 1)),
            matched.eq(self._check.match),
            silent.eq(self._quiet == receiver.patience - 1),
        ]

    def _decode(self, write: memory.WritePort) -> None:
        """Tells zeros, COBS codes and bytes apart, and writes the bytes into the page."""
        came, is_zero, left, check = self._came, self._is_zero, self._left, self._check
        code, zero = Signal(), Signal()
        byte = Signal()
        good = Signal()
        self._code, self._zero, self._byte, self.good = code, zero, byte, good
        self._data = write.data
        self._m.d.comb += [
            zero.eq(came & is_zero),
            code.eq(came & ~is_zero & (left == 0)),
            byte.eq(came & ~is_zero & ((left != 0) | (self.begun & ~self._full))),
            good.eq(~self.bad & self._ended & self._matched),
            write.addr.eq(Cat(self._length[: self._receiver.capacity.bit_length() - 1], self.page)),
            write.data.eq(Mux(left == 0, 0, self._value)),
            write.en.eq(byte & ~self.taken.bit_select(self.page, 1)),
            check.byte.eq(write.data),
            check.take.eq(byte),
            check.start.eq(~self.begun),
        ]

    def urgent(self) -> Value:
        """Offers the frame at ``calls`` if it is sound and urgent, whether or not a page was free for it.

        Returns whether it is, high in the cycle of its zero."""
        m, receiver, length = self._m, self._receiver, self._length
        head, spoilt = Signal(call(), reset_less=True), Signal()
        with m.If(self._byte & (length < REQUEST_HEAD)):
            m.d.sync += head.eq(Cat(Value.cast(head)[BYTE:], self._data))
        with m.If(receiver.broken | (self._byte & (length == receiver.capacity))):
            m.d.sync += spoilt.eq(1)
        with m.If(self._zero | self._silent):
            m.d.sync += spoilt.eq(0)
        return self._call(head, self._zero & self._ended & self._matched & ~spoilt)

    def _call(self, head: data.View, whole: Value) -> Value:
        m, out = self._m, self._receiver.calls
        urgent, called = Signal(), Signal()
        m.d.sync += urgent.eq(
            (self._length == REQUEST_HEAD + CRC_BYTES) & Cat(head.command == command for command in URGENT).any()
        )
        m.d.comb += called.eq(whole & urgent)
        with m.If(out.ready):
            m.d.sync += out.valid.eq(0)
        with m.If(called):
            m.d.sync += [out.valid.eq(1), Value.cast(out.payload).eq(Value.cast(head))]
        return called

    def follow(self, stored: Value, lost: Value) -> None:
        """Moves on with each byte; at the end, the frame stays if ``stored``, or counts as dropped if ``lost``."""
        m, receiver, length, left = self._m, self._receiver, self._length, self._left
        page, begun, bad, quiet = self.page, self.begun, self.bad, self._quiet
        m.d.sync += receiver.dropped.eq(0)
        with m.If(self._came | ~begun):
            m.d.sync += quiet.eq(0)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        with m.If(self._code):
            m.d.sync += [begun.eq(1), left.eq(self._value - 1), self._full.eq(self._is_longest)]
        with m.Elif(self._byte):
            m.d.sync += left.eq(left - 1)
        with m.If(self._byte):
            m.d.sync += length.eq(length + 1)
        with m.If(receiver.broken | (self._byte & self._overlong)):
            m.d.sync += bad.eq(1)
        with m.If(self._zero | self._silent):
            m.d.sync += [begun.eq(0), bad.eq(0), left.eq(0), length.eq(0), self._full.eq(0)]
            with m.If(self._zero & stored):
                m.d.sync += page.eq(~page)
                for n in range(2):
                    with m.If(page == n):
                        m.d.sync += [self.taken[n].eq(1), self.ends[n].eq(length - CRC_BYTES - 1)]
            with m.Elif(lost):
                m.d.sync += receiver.dropped.eq(1)
