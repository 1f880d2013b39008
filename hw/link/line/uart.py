"""UART: bytes over two wires with 8 data bits, no parity and one stop bit, lowest bit first."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

#: fewest clock cycles of a bit for which the receiver can look at its middle
LEAST_CYCLES = 8


class UartReceiver(wiring.Component):
    """Receives bytes from a line on which a bit lasts ``cycles`` clock cycles; ValueError if below LEAST_CYCLES.

    Each bit is sampled three times around its middle, an eighth of a bit apart; the majority counts. The bits of the
    sender may be 2 % longer or shorter. Latency: 4 cycles from the third sample of the stop bit.

    * ``line`` (in): the wire.
    * ``data`` (out): the byte, while ``valid`` is high.
    * ``valid`` (out): high for one cycle with each byte; nobody can hold it up.
    * ``broken`` (out): high for one cycle when a byte is dropped because its start or stop bit is wrong. The line must
      be high then before the next byte.
    """

    def __init__(self, cycles: int) -> None:
        if cycles < LEAST_CYCLES:
            raise ValueError(f"a bit must last {LEAST_CYCLES} cycles at least, got {cycles}")
        self.cycles = cycles
        super().__init__({"line": In(1, init=1), "data": Out(8), "valid": Out(1), "broken": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = cdc.FFSynchronizer(self.line, line, init=1)

        apart = max(1, self.cycles // 8)
        middle = self.cycles // 2
        looks = Signal(2)  # how many of the first two samples were high
        timer = Signal(range(self.cycles))
        bit = Signal(range(10))
        rested = Signal()  # the line was high: a fall begins a byte
        busy = Signal()
        high = Signal()
        m.d.comb += high.eq((looks + line) >= 2)
        m.d.sync += [self.valid.eq(0), self.broken.eq(0)]
        with m.If(~busy):
            m.d.sync += [timer.eq(1), bit.eq(0), looks.eq(0), rested.eq(line), busy.eq(rested & ~line)]
        with m.Else():
            m.d.sync += timer.eq(Mux(timer == self.cycles - 1, 0, timer + 1))
            with m.If(timer == self.cycles - 1):
                m.d.sync += [bit.eq(bit + 1), looks.eq(0)]
            with m.If((timer == middle - apart) | (timer == middle)):
                m.d.sync += looks.eq(looks + line)
            with m.If(timer == middle + apart):
                with m.If(bit == 0):
                    m.d.sync += [busy.eq(~high), self.broken.eq(high)]
                with m.Elif(bit == 9):
                    # Do not wait for the rest of the stop bit: the next byte may come early.
                    m.d.sync += [busy.eq(0), rested.eq(high), self.valid.eq(high), self.broken.eq(~high)]
                with m.Else():
                    m.d.sync += self.data.eq(Cat(self.data[1:], high))
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes over a line on which a bit lasts ``cycles`` clock cycles.

    Throughput: a byte every 10 bits. Latency: 1 cycle until the start bit.

    * ``bytes`` (in): bytes to send.
    * ``line`` (out): the wire.
    """

    def __init__(self, cycles: int) -> None:
        self.cycles = cycles
        super().__init__({"bytes": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self.cycles))
        left = Signal(range(11))  # bits left, the one on the line included
        rest = Signal(9, init=(1 << 9) - 1)
        over = Signal()
        m.d.comb += [
            over.eq(timer == self.cycles - 1),
            self.bytes.ready.eq((left == 0) | ((left == 1) & over)),
        ]
        m.d.sync += timer.eq(Mux(over, 0, timer + 1))
        with m.If(self.bytes.ready):
            m.d.sync += timer.eq(0)
            with m.If(self.bytes.valid):
                m.d.sync += [left.eq(10), self.line.eq(0), rest.eq(Cat(self.bytes.payload, 1))]
            with m.Else():
                m.d.sync += left.eq(0)
        with m.Elif(over):
            m.d.sync += [left.eq(left - 1), self.line.eq(rest[0]), rest.eq(Cat(rest[1:], 1))]
        return m
