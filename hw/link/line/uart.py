"""Bytes over two wires: 8 data bits, no parity, one stop bit, the lowest bit first."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

#: the fewest clock cycles of a bit that the receiver can find the middle of
LEAST_CYCLES = 8


class UartReceiver(wiring.Component):
    """Takes bytes from a line, a bit of which lasts ``cycles`` clock cycles.

    Each bit is what two of three looks say, an eighth of a bit apart around its middle. A byte whose start or stop bit
    is wrong is left out, and ``broken`` says so for a cycle; the line must be high then before the next. Bytes are
    offered for a cycle: whoever takes them must be ready. Sender and receiver may differ by 2 % in how long a bit is.
    Latency: a byte is offered 4 cycles after the third look at its stop bit.
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
        looks = Signal(2)  # how many of the first two were high
        timer = Signal(range(self.cycles))
        bit = Signal(range(10))
        rested = Signal()  # the line was high: it may fall now
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
                    # The rest of the stop bit is not waited for: the next byte may come early.
                    m.d.sync += [busy.eq(0), rested.eq(high), self.valid.eq(high), self.broken.eq(~high)]
                with m.Else():
                    m.d.sync += self.data.eq(Cat(self.data[1:], high))
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes over a line, a bit of which lasts ``cycles`` clock cycles.

    Throughput: a byte every 10 bits. Latency: a cycle until the start bit.
    """

    def __init__(self, cycles: int) -> None:
        self.cycles = cycles
        super().__init__({"bytes": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self.cycles))
        left = Signal(range(11))  # bits yet to be sent, that on the line included
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
