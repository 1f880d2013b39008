"""The serial port: contents of frames on one side, two wires on the other."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.link.line.frames import call, token
from captwin.hw.link.line.receiver import FrameReceiver
from captwin.hw.link.line.sender import FrameSender
from captwin.hw.link.line.uart import UartReceiver, UartTransmitter


class SerialPort(wiring.Component):
    """UART and frames in both directions; a bit lasts ``cycles`` clock cycles.

    ``capacity``, ``patience`` and ``calls`` are those of :class:`FrameReceiver`.

    * ``rx`` (in), ``tx`` (out): the line.
    * ``requests``, ``length`` (out): contents of the frames that come, as :class:`FrameReceiver` offers them.
    * ``replies`` (in): contents of frames to send, one byte a beat.
    * ``calls`` (out), ``forget`` (in): those of :class:`FrameReceiver`, only with ``calls``.
    """

    def __init__(self, cycles: int, *, capacity: int, patience: int, calls: bool = False) -> None:
        self._receiver = UartReceiver(cycles)
        self._transmitter = UartTransmitter(cycles)
        self._incoming = FrameReceiver(capacity, patience, calls=calls)
        self._calls = calls
        self._outgoing = FrameSender()
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "requests": Out(stream.Signature(token())),
                "length": Out(range(capacity)),
                "replies": In(stream.Signature(token())),
            }
            | ({"calls": Out(stream.Signature(call())), "forget": In(1)} if calls else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.transmitter = transmitter = self._transmitter
        m.submodules.incoming = incoming = self._incoming
        m.submodules.outgoing = outgoing = self._outgoing
        wiring.connect(m, outgoing.bytes, transmitter.bytes)
        wiring.connect(m, incoming.frames, wiring.flipped(self.requests))
        wiring.connect(m, wiring.flipped(self.replies), outgoing.frames)
        m.d.comb += [
            receiver.line.eq(self.rx),
            self.tx.eq(transmitter.line),
            incoming.data.eq(receiver.data),
            incoming.valid.eq(receiver.valid),
            incoming.broken.eq(receiver.broken),
            self.length.eq(incoming.length),
        ]
        if self._calls:
            wiring.connect(m, incoming.calls, wiring.flipped(self.calls))
            m.d.comb += incoming.forget.eq(self.forget)
        return m
