"""The CRC-32 of Ethernet, computed one bit a cycle."""

from amaranth import Module, Signal
from amaranth.lib import crc, wiring
from amaranth.lib.wiring import In, Out

CRC_BYTES = 4
BYTE = 8


class SerialCrc(wiring.Component):
    """Computes the CRC-32 of a sequence of bytes. Throughput: a byte every 9 cycles.

    * ``take`` (in): adds ``byte`` to the sequence; allowed while ``busy`` is low.
    * ``byte`` (in): the byte to add, read in the cycle of ``take``.
    * ``start`` (in): begins a new, empty sequence.
    * ``busy`` (out): high for the 8 cycles that a byte takes.
    * ``crc`` (out): CRC-32 of the sequence, once ``busy`` is low.
    * ``match`` (out): high if the sequence ends with its own CRC-32.
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
        rest, left = Signal(BYTE), Signal(range(BYTE + 1))  # bits still to come, and how many
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
