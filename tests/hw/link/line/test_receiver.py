"""The frame receiver against the ``cobs`` package and zlib's CRC-32."""

import random
import zlib

import pytest
from amaranth.sim import Simulator
from cobs import cobs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captwin.hw.link.line.receiver import LEAST_CYCLES, FrameReceiver
from captwin.hw.link.protocol import Command
from tests.hw.link.line_host import framed
from tests.support.proofs import proofs

CAPACITY = 64
PATIENCE = 200


def receive(parts: list[bytes | int], *, stall: float = 0.0, seed: int = 0) -> tuple[list[bytes], int]:
    """The frames that a receiver finds in bytes, with so many cycles of silence between, and how many it drops."""
    block = FrameReceiver(CAPACITY, PATIENCE)
    dice = random.Random(seed)
    found, dropped, frame = [], 0, bytearray()
    done = False

    async def send(ctx):
        nonlocal done
        for part in parts:
            if isinstance(part, int):
                await ctx.tick().repeat(part)
                continue
            for byte in part:
                ctx.set(block.data, byte)
                ctx.set(block.valid, 1)
                await ctx.tick()
                ctx.set(block.valid, 0)
                await ctx.tick().repeat(LEAST_CYCLES - 1)
        await ctx.tick().repeat(8 * CAPACITY)
        done = True

    async def take(ctx):
        while not done:
            ctx.set(block.frames.ready, dice.random() >= stall)
            sampled = await ctx.tick().sample(
                block.frames.valid, block.frames.ready, block.frames.payload, block.length, block.dropped
            )
            _, _, valid, ready, payload, length, drop = sampled
            nonlocal dropped
            dropped += drop
            if valid and ready:
                frame.append(payload.data)
                if payload.last:
                    assert length == len(frame)
                    found.append(bytes(frame))
                    frame.clear()

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send)
    simulator.add_testbench(take)
    simulator.run()
    assert not frame
    return found, dropped


few = settings(max_examples=25, deadline=None, print_blob=True)
bodies = st.lists(st.binary(min_size=1, max_size=CAPACITY - 4) | st.binary(min_size=1, max_size=5), max_size=5)


@few
@given(bodies=bodies, zeros=st.integers(0, 2), stall=st.sampled_from([0.0, 0.3]), seed=st.integers(0, 1 << 32))
@example(bodies=[b"\0" * (CAPACITY - 4), b"\1" * (CAPACITY - 4)], zeros=0, stall=0.0, seed=0)
def test_receiver(bodies: list[bytes], zeros: int, stall: float, seed: int) -> None:
    parts = [b"\0" * zeros + framed(body) for body in bodies]
    spaced = [part for frame in parts for part in (frame, 4 * CAPACITY)]
    assert receive(spaced, stall=stall, seed=seed) == (bodies, 0)


@few
@given(body=st.binary(min_size=1, max_size=40), data=st.data())
def test_altered_frames_are_dropped_and_the_next_is_not(body: bytes, data: st.DataObject) -> None:
    whole = framed(body)
    how = data.draw(st.sampled_from(["flip", "cut", "double", "garbage"]))
    place = data.draw(st.integers(0, len(whole) - 2))
    if how == "flip":
        altered = bytearray(whole)
        altered[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        altered = whole[:place] + whole[-1:]
    elif how == "double":
        altered = whole[:place] + whole[place : place + 1] + whole[place:]
    else:
        altered = data.draw(st.binary(max_size=3 * CAPACITY)) + b"\0"
    found, _ = receive([bytes(altered), 4 * CAPACITY, framed(b"next")])
    assert found[-1] == b"next"
    assert found[:-1] in ([], [body])  # a byte doubled may be the same frame, a cut of nothing too


def test_what_is_dropped() -> None:
    good = framed(b"good")
    cases = {
        "too short": cobs.encode(zlib.crc32(b"").to_bytes(4, "little")) + b"\0",
        "too long": framed(bytes(range(1, CAPACITY))),
        "not COBS": b"\x09abc\0",
    }
    for name, bad in cases.items():
        assert receive([bad, 4 * CAPACITY, good]) == ([b"good"], 1), name
    # Half a frame is forgotten, so that the next need not begin with a zero.
    assert receive([good[:4], 2 * PATIENCE, good]) == ([b"good"], 1)
    assert receive([good[:4], PATIENCE // 2, good]) == ([], 1)


def test_a_third_frame_is_dropped_while_two_wait() -> None:
    bodies = [b"first", b"second", b"third"]
    block = FrameReceiver(CAPACITY, PATIENCE)
    found, dropped = bytearray(), 0

    async def bench(ctx):
        nonlocal dropped
        for byte in b"".join(map(framed, bodies)):
            ctx.set(block.data, byte)
            ctx.set(block.valid, 1)
            for _ in range(LEAST_CYCLES):
                *_, drop = await ctx.tick().sample(block.dropped)
                dropped += drop
                ctx.set(block.valid, 0)
        ctx.set(block.valid, 0)
        ctx.set(block.frames.ready, 1)
        for _ in range(100):
            _, _, drop, valid, payload = await ctx.tick().sample(
                block.dropped, block.frames.valid, block.frames.payload
            )
            dropped += drop
            if valid:
                found.append(payload.data)

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert (bytes(found), dropped) == (b"firstsecond", 1)


@pytest.mark.parametrize("body", [bytes(3), *proofs([b"\5\1\2hello", random.Random(3).randbytes(5)])])
def test_no_altered_frame_passes_for_another(body: bytes) -> None:
    """Each single bit of a frame turned, and each two neighbours: none of that comes through."""
    whole = framed(body)
    altered = []
    for bits in (1, 3):
        for place in range(8 * (len(whole) - 1) - bits.bit_length() + 1):
            number = int.from_bytes(whole, "little") ^ bits << place
            altered.append(number.to_bytes(len(whole), "little") + b"\0")
    parts: list[bytes | int] = [part for frame in altered for part in (frame, 20)]
    found, dropped = receive([*parts, framed(b"next")])
    assert found == [b"next"]
    assert dropped >= len(altered)


def test_requests_that_overtake() -> None:
    """RESET and IDENTIFY are offered while both places are taken, none of their altered forms is, and frames that are
    forgotten make room."""
    block = FrameReceiver(CAPACITY, PATIENCE, calls=True)
    whole = framed(bytes([Command.RESET, 7, 9]))
    altered = [
        (int.from_bytes(whole, "little") ^ 1 << place).to_bytes(len(whole), "little")[:-1] + b"\0"
        for place in range(8 * (len(whole) - 1))
    ]
    called, offered = [], bytearray()

    async def send(ctx, data: bytes) -> None:
        for byte in data:
            ctx.set(block.data, byte)
            ctx.set(block.valid, 1)
            for _ in range(LEAST_CYCLES):
                _, _, valid, payload = await ctx.tick().sample(block.calls.valid, block.calls.payload)
                if valid:
                    called.append((payload.command, payload.tag))
                ctx.set(block.valid, 0)
                ctx.set(block.calls.ready, valid)

    async def bench(ctx) -> None:
        await send(ctx, framed(b"first") + framed(b"second") + b"".join(altered))
        assert not called
        await send(ctx, whole + b"\0")
        assert set(called) == {(Command.RESET, 0x0907)}
        called.clear()
        await send(ctx, framed(bytes([Command.RESET, 7, 9, 0])) + framed(bytes([Command.COUNTERS, 7, 9])))
        assert not called
        ctx.set(block.forget, 1)
        await ctx.tick()
        ctx.set(block.forget, 0)
        await send(ctx, framed(bytes([Command.IDENTIFY, 1, 2])) + framed(b"third") + b"\0" * 9)
        assert set(called) == {(Command.IDENTIFY, 0x0201)}
        ctx.set(block.frames.ready, 1)
        for _ in range(100):
            _, _, valid, payload = await ctx.tick().sample(block.frames.valid, block.frames.payload)
            if valid:
                offered.append(payload.data)

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert offered == b"third"
