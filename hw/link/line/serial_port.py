"""A serial port of a device: requests and replies on two wires."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw.link.line.frames import call, token
from captwin.hw.link.line.receiver import FrameReceiver
from captwin.hw.link.line.sender import FrameSender
from captwin.hw.link.line.uart import UartReceiver, UartTransmitter


class SerialPort(wiring.Component):
    """The contents of frames that come by ``rx``, and those that go by ``tx``, a byte a beat.

    A bit lasts ``cycles`` clock cycles. ``capacity``, ``patience``, ``length``, ``calls`` and ``forget`` are those of
    :class:`FrameReceiver`.
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
