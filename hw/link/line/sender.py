"""The frame sender: contents of frames in, encoded bytes for the line out."""

from amaranth import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.link.line.crc import CRC_BYTES, SerialCrc
from captwin.hw.link.line.frames import LONGEST, token


class FrameSender(wiring.Component):
    """Adds a CRC to each content and encodes both by COBS.

    A run is a sequence of up to 254 bytes without a zero. Its code comes first and tells its length, so a run is
    gathered before it leaves, and a frame begins to leave when its first run has ended. Throughput: a byte every 11
    cycles, 13 where a run ends.

    * ``frames`` (in): contents of frames, one byte a beat.
    * ``bytes`` (out): bytes for the line.
    """

    #: bytes that can be gathered: more than a run with its code, and the zero behind it
    DEPTH = 512

    def __init__(self) -> None:
        super().__init__({"frames": In(stream.Signature(token())), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = check = SerialCrc()
        m.submodules.store = store = memory.Memory(shape=8, depth=self.DEPTH, init=[])
        write, read = store.write_port(), store.read_port()
        encoder = _Encoder(m, self, check, write)
        start, place = encoder.start, encoder.place

        m.d.comb += [read.addr.eq(place), self.bytes.payload.eq(read.data)]
        m.d.sync += self.bytes.valid.eq((place != start) & ~(self.bytes.valid & self.bytes.ready))
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += place.eq(place + 1)
        return m


class _Encoder:
    """Writes encoded frames into the store.

    ``start`` is the address of the code of the run that is being gathered: all bytes before it may leave. ``place`` is
    the address of the byte that leaves next; the sender moves it on.
    """

    def __init__(self, m: Module, sender: FrameSender, check: SerialCrc, write: memory.WritePort) -> None:
        self._m, self._frames, self._check, self._write = m, sender.frames, check, write
        self.start = start = Signal(range(sender.DEPTH), name="start")
        self._run = run = Signal(8, init=1, name="run")  # the run's code so far: its bytes, and 1
        self.place = place = Signal(range(sender.DEPTH), name="place")
        self._byte, self._ending = byte, _ = Signal(8), Signal(name="ending")
        self._sent = Signal(range(CRC_BYTES + 1), name="sent")  # bytes of the CRC
        # These are registered: start, run and byte must have been stable for a cycle wherever they are used.
        end, room, breaks, busy = Signal.like(start), Signal(), Signal(), Signal()
        self._end, self._room, self._breaks, self._busy = end, room, breaks, busy
        m.d.sync += [
            busy.eq(check.busy),
            end.eq(start + run),
            room.eq((start + run + 1)[: len(place)] != place),
            breaks.eq((byte == 0) | (run == LONGEST)),
        ]
        m.d.comb += [
            check.byte.eq(sender.frames.payload.data),
            check.take.eq(sender.frames.valid & sender.frames.ready),
        ]
        with m.FSM():
            self._take_states()
            self._put_state()
            self._crc_state()
            self._end_states()

    def _take_states(self) -> None:
        m, frames = self._m, self._frames
        with m.State("take"):
            m.d.comb += frames.ready.eq(1)
            m.d.sync += [self._byte.eq(frames.payload.data), self._ending.eq(frames.payload.last)]
            with m.If(frames.valid):
                m.next = "look"
        with m.State("look"):
            m.next = "put"

    def _put_state(self) -> None:
        """Adds the byte to the run, or ends the run and writes its code."""
        m, write, run, byte = self._m, self._write, self._run, self._byte
        with m.State("put"), m.If(self._room & ~self._busy):
            m.d.comb += write.en.eq(1)
            with m.If(self._breaks):
                # A zero is part of the code, any other byte begins the next run.
                m.d.comb += [write.addr.eq(self.start), write.data.eq(run)]
                m.d.sync += [self.start.eq(self._end), run.eq(1)]
            with m.Else():
                m.d.comb += [write.addr.eq(self._end), write.data.eq(byte)]
                m.d.sync += run.eq(run + 1)
            with m.If(self._breaks & ((byte != 0) | (run == LONGEST))):
                m.next = "look"
            with m.Elif(self._ending):
                m.next = "crc"
            with m.Else():
                m.next = "take"

    def _crc_state(self) -> None:
        """Adds a byte of the CRC, which is encoded as the content is."""
        m, sent = self._m, self._sent
        with m.State("crc"):
            m.d.sync += [self._byte.eq(self._check.crc.word_select(sent[:2], 8)), sent.eq(sent + 1)]
            m.next = "look"
            with m.If(sent == CRC_BYTES):
                m.next = "code"

    def _end_states(self) -> None:
        """Writes the code of the last run, and the zero that ends the frame."""
        m, write, start, run = self._m, self._write, self.start, self._run
        with m.State("code"), m.If(self._room):
            m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(run)]
            m.d.sync += [start.eq(self._end), run.eq(1)]
            m.next = "end"
        with m.State("end"):
            m.next = "zero"
        with m.State("zero"), m.If(self._room):
            m.d.comb += [write.en.eq(1), write.addr.eq(start), write.data.eq(0), self._check.start.eq(1)]
            m.d.sync += [start.eq(start + 1), self._sent.eq(0)]
            m.next = "take"
