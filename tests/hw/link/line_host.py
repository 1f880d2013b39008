"""The host's end of a simulated line: bits to a device and replies from it."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.sim import Simulator
from cobs import cobs

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.linked_core import LinkedCore
from captwin.hw.link.selftest import Expected
from captwin.sim.expected import expect
from tests.support.chips import random_pixels

#: clock cycles of a bit, and seconds of a cycle
CYCLES, PERIOD = 8, 1e-8
BIT = CYCLES * PERIOD
#: bits that a host waits for the next reply
PATIENCE = 3000


def linked(core: Core, expected: Expected) -> LinkedCore:
    """A core on a fast line that forgets half a frame after 40 bits."""
    return LinkedCore(core, expected, clock_hz=40 * CYCLES / LinkedCore.PATIENCE_S, baud=40 / LinkedCore.PATIENCE_S)


def small_device(chip: Chip) -> LinkedCore:
    return linked(Core(chip, CoreOptions(pixel_lanes=4, lanes=2)), expect(chip, random_pixels(1, chip, 1)[0]))


def framed(body: bytes) -> bytes:
    return cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def request(command: int, tag: int, body: bytes = b"") -> bytes:
    return framed(struct.pack("<BH", command, tag) + body)


async def send(ctx: Any, device: LinkedCore, parts: Iterable[bytes | int]) -> None:
    """Sends bytes, with so many bits of silence between."""
    for level in levels(parts):
        ctx.set(device.rx, level)
        await ctx.delay(BIT)
    ctx.set(device.rx, 1)


def levels(parts: Iterable[bytes | int]) -> Iterator[int]:
    for part in parts:
        if isinstance(part, int):
            yield from [1] * part
            continue
        for byte in part:
            yield from (0, *(byte >> n & 1 for n in range(8)), 1)


def run(device: LinkedCore, *testbenches: Any) -> None:
    """Runs the device until all of ``testbenches`` are over."""
    simulator = Simulator(device)
    simulator.add_clock(PERIOD)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


def converse(device: LinkedCore, parts: list[bytes | int], replies: int) -> list[tuple[int, int, int, bytes]]:
    """Sends bytes, with so many bits of silence between, and takes so many replies: (command, tag, status, body)."""
    received = bytearray()

    async def talk(ctx: Any) -> None:
        await send(ctx, device, parts)

    async def listen(ctx: Any) -> None:
        while received.count(0) < replies:
            if ctx.get(device.tx):
                *_, late = await ctx.negedge(device.tx).delay(PATIENCE * BIT)
                assert not late, f"nothing came any more, received {bytes(received)!r}"
            await ctx.delay(1.5 * BIT)
            byte = 0
            for bit in range(8):
                byte |= ctx.get(device.tx) << bit
                await ctx.delay(BIT)
            assert ctx.get(device.tx)
            received.append(byte)

    run(device, talk, listen)
    result = []
    for frame in bytes(received).split(b"\0")[:-1]:
        body = cobs.decode(frame)
        assert int.from_bytes(body[-4:], "little") == zlib.crc32(body[:-4])
        result.append((*struct.unpack("<BHB", body[:4]), body[4:-4]))
    return result
