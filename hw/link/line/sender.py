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
        start = Signal(range(self.DEPTH))  # address of the run's code; all bytes before it may leave
        place = self._encode(m, check, write, start)

        m.d.comb += [read.addr.eq(place), self.bytes.payload.eq(read.data)]
        m.d.sync += self.bytes.valid.eq((place != start) & ~(self.bytes.valid & self.bytes.ready))
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += place.eq(place + 1)
        return m

    def _encode(self, m: Module, check: SerialCrc, write: memory.WritePort, start: Signal) -> Signal:
        """Writes encoded frames into the store; the address of the byte that leaves next, which :meth:`elaborate`
        moves on."""
        run = Signal(8, init=1)  # the run's code so far: its bytes, and 1
        place = Signal(range(self.DEPTH))
        byte, ending = Signal(8), Signal()
        sent = Signal(range(CRC_BYTES + 1))  # bytes of the CRC
        # These are registered: start, run and byte must have been stable for a cycle wherever they are used.
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
                    # The run ends: its code is written. A zero is part of the code, any other byte begins the next run.
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
        return place
