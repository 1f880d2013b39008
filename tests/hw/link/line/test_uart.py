"""The UART's two ends, each against bits that are written out here."""

import random
from itertools import pairwise

import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.link.line.uart import LEAST_CYCLES, UartReceiver, UartTransmitter
from tests.hw.gates.driver import exchange, number


def line_of(data: bytes, cycles: float, *, gaps: list[int]) -> list[int]:
    """What is on the line in each clock cycle: ``data`` with so many bits of pause before each byte."""
    levels, edges, at = [], [], 0.0
    for byte, gap in zip(data, gaps, strict=True):
        for level in (*[1] * gap, 0, *(byte >> n & 1 for n in range(8)), 1):
            edges.append((at, level))
            at += cycles
    edges.append((at, 1))
    for (_, level), (end, _) in pairwise(edges):
        levels += [level] * (round(end) - len(levels))
    return levels + [1] * round(2 * cycles)


def receive(cycles: int, levels: list[int]) -> tuple[bytes, int]:
    """What a receiver makes of a line, and how often it finds a byte broken."""
    block = UartReceiver(cycles)
    received, broken = bytearray(), 0

    async def bench(ctx):
        nonlocal broken
        for level in levels:
            ctx.set(block.line, level)
            _, _, valid, data, wrong = await ctx.tick().sample(block.valid, block.data, block.broken)
            if valid:
                received.append(data)
            broken += wrong

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(received), broken


@settings(max_examples=40, deadline=None, print_blob=True)
@given(
    data=st.binary(min_size=1, max_size=12),
    cycles=st.integers(LEAST_CYCLES, 40),
    off=st.floats(-0.02, 0.02),
    seed=st.integers(0, 1 << 32),
)
def test_receiver(data: bytes, cycles: int, off: float, seed: int) -> None:
    dice = random.Random(seed)
    gaps = [3, *(dice.choice((0, 0, 1, 5)) for _ in data[1:])]
    assert receive(cycles, line_of(data, cycles * (1 + off), gaps=gaps)) == (data, 0)


def test_a_look_that_is_off_does_not_count() -> None:
    cycles = 24
    levels = line_of(b"\x5a\x00\xff", cycles, gaps=[2, 0, 0])
    dice = random.Random(5)
    for bit in range(2, 32):
        middle = (bit * cycles) + cycles // 2 + dice.choice((-cycles // 8, 0, cycles // 8))
        levels[middle] ^= 1
    assert receive(cycles, levels) == (b"\x5a\x00\xff", 0)


def test_broken_bytes_are_left_out() -> None:
    cycles = 16
    wrong_stop = [1] * 32 + [0] * cycles * 10 + [1] * 32  # all zero, stop bit too
    glitch = [1] * 32 + [0] * 4 + [1] * 200
    after = line_of(b"\x33", cycles, gaps=[1])
    assert receive(cycles, wrong_stop + after) == (b"\x33", 1)
    assert receive(cycles, glitch + after) == (b"\x33", 1)
    # A line that is held low for long is one broken byte, not many.
    assert receive(cycles, [1] * 32 + [0] * 5000 + [1] * 32 + after) == (b"\x33", 1)


def test_too_short_a_bit() -> None:
    with pytest.raises(ValueError, match="a bit must last 8 cycles at least, got 7"):
        UartReceiver(7)


class Loop(wiring.Component):
    """A transmitter wired to a receiver."""

    def __init__(self, cycles: int) -> None:
        self.sender, self.receiver = UartTransmitter(cycles), UartReceiver(cycles)
        octets = stream.Signature(8)
        super().__init__({"bytes": In(octets), "received": Out(octets)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sender, m.submodules.receiver = self.sender, self.receiver
        wiring.connect(m, wiring.flipped(self.bytes), self.sender.bytes)
        m.d.comb += [
            self.receiver.line.eq(self.sender.line),
            self.received.payload.eq(self.receiver.data),
            self.received.valid.eq(self.receiver.valid),
        ]
        return m


@settings(max_examples=20, deadline=None, print_blob=True)
@given(data=st.binary(min_size=1, max_size=20), cycles=st.integers(LEAST_CYCLES, 20), seed=st.integers(0, 1 << 32))
def test_transmitter_to_receiver(data: bytes, cycles: int, seed: int) -> None:
    block = Loop(cycles)
    assert exchange(block, {block.bytes: list(data)}, {block.received: number(len(data))}, stall=0, seed=seed) == [
        list(data)
    ]


def test_transmitter_sends_without_pause() -> None:
    cycles, data = 10, b"\x81\x00\xfe"
    block = UartTransmitter(cycles)
    levels: list[int] = []

    async def send(ctx):
        for byte in data:
            ctx.set(block.bytes.payload, byte)
            ctx.set(block.bytes.valid, 1)
            await ctx.tick().until(block.bytes.ready)
        ctx.set(block.bytes.valid, 0)

    async def watch(ctx):
        for _ in range(2 + 10 * cycles * len(data) + 5):
            levels.append(ctx.get(block.line))
            await ctx.tick()

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send)
    simulator.add_testbench(watch)
    simulator.run()
    expected = line_of(data, cycles, gaps=[0, 0, 0])
    start = levels.index(0)
    assert levels[start : start + len(data) * 10 * cycles] == expected[: len(data) * 10 * cycles]
    assert all(levels[start + len(data) * 10 * cycles :])
