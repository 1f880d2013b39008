"""The device's end, a core behind it, on a simulated line."""

import json
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from amaranth.sim import Simulator
from cobs import cobs

from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.link.linked import LinkedCore
from hw.link.protocol import REPLY, Command, Status
from sim import golden
from tests.chips import random_chip, random_pixels

CYCLES = 8


def device_of(chip: Chip, pixel_lanes: int) -> LinkedCore:
    """A small core on a fast line that forgets half a frame after 40 bits."""
    core = Core(chip, CoreOptions(pixel_lanes=pixel_lanes, lanes=2))
    return LinkedCore(core, clock_hz=40 * CYCLES / LinkedCore.PATIENCE_S, baud=40 / LinkedCore.PATIENCE_S)


def framed(body: bytes) -> bytes:
    return cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def request(command: int, tag: int, body: bytes = b"") -> bytes:
    return framed(struct.pack("<BH", command, tag) + body)


def converse(device: LinkedCore, parts: list[bytes | int], replies: int) -> list[tuple[int, int, int, bytes]]:
    """Sends bytes, with so many bits of silence between, until so many replies came; (command, tag, status, body)."""
    received = bytearray()

    def levels() -> Iterator[int]:
        for part in parts:
            if isinstance(part, int):
                yield from [1] * part
                continue
            for byte in part:
                yield from (0, *(byte >> n & 1 for n in range(8)), 1)
        while True:
            yield 1

    async def send(ctx):
        for level in levels():
            ctx.set(device.rx, level)
            await ctx.tick().repeat(CYCLES)

    async def receive(ctx):
        while received.count(0) < replies:
            for _ in range(60_000):
                if not ctx.get(device.tx):
                    break
                await ctx.tick()
            else:
                raise AssertionError(f"nothing came any more, received {bytes(received)!r}")
            await ctx.tick().repeat(CYCLES // 2)
            byte = 0
            for bit in range(8):
                await ctx.tick().repeat(CYCLES)
                byte |= ctx.get(device.tx) << bit
            await ctx.tick().repeat(CYCLES)
            assert ctx.get(device.tx)
            received.append(byte)

    simulator = Simulator(device)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(receive)
    simulator.run()
    result = []
    for frame in bytes(received).split(b"\0")[:-1]:
        body = cobs.decode(frame)
        assert int.from_bytes(body[-4:], "little") == zlib.crc32(body[:-4])
        result.append((*struct.unpack("<BHB", body[:4]), body[4:-4]))
    return result


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(3, sizes=(11, 6, 4))


def answer(chip: Chip, pixels: np.ndarray) -> tuple[bytes, bytes]:
    """An answer, but for the cycles in its middle."""
    outcome = golden.run(chip, pixels[None])
    return bytes([outcome.labels[0], outcome.steps[0]]), struct.pack(
        f"<{chip.classes}B{chip.classes}H", *outcome.counts[0], *outcome.membranes[0]
    )


@pytest.mark.parametrize("pixel_lanes", [1, 4])
def test_images(chip: Chip, pixel_lanes: int) -> None:
    images = random_pixels(4, chip, 5)
    parts = [request(Command.INFER, 500 + n, image.tobytes()) for n, image in enumerate(images)]
    device = device_of(chip, pixel_lanes)
    replies = converse(device, parts, len(images))
    for n, (command, tag, status, body) in enumerate(replies):
        assert (command, tag, status) == (Command.INFER | REPLY, 500 + n, Status.OK)
        first, rest = answer(chip, images[n])
        assert body[:2] == first
        assert body[6 : 6 + len(rest)] == rest
        cycles = int.from_bytes(body[2:6], "little")
        assert 0 < cycles < int.from_bytes(body[6 + len(rest) :][:4], "little")
        assert len(body) == 6 + len(rest) + 4 + 12 * len(chip.layers)


def test_other_requests(chip: Chip) -> None:
    image = random_pixels(5, chip, 1)[0].tobytes()
    device = device_of(chip, 1)
    echo = bytes(range(40))
    parts = [
        *(request(Command.IDENTIFY, 1), 600),
        *(request(Command.LOOPBACK, 2, echo), 600),
        *(request(Command.LOOPBACK, 3), 600),
        *(request(99, 4, b"abc"), 600),
        *(request(Command.INFER, 5, image + b"\0"), 600),
        *(request(Command.IDENTIFY, 6, b"x"), 600),
        *(request(Command.INFER, 7, image), 2500),
        *(request(Command.COUNTERS, 8), 1000),
        *(request(Command.RESET, 9), 600),
        *(request(Command.COUNTERS, 10), 1000),
        *(request(Command.INFER, 11, image), 600),
    ]
    replies = converse(device, parts, 11)
    assert [reply[1] for reply in replies] == list(range(1, 12))
    assert replies[0] == (Command.IDENTIFY | REPLY, 1, Status.OK, json.dumps(device.about).encode())
    assert replies[1][2:] == (Status.OK, echo)
    assert replies[2][2:] == (Status.OK, b"")
    assert replies[3] == (99 | REPLY, 4, Status.UNKNOWN_COMMAND, b"")
    assert replies[4][2:] == replies[5][2:] == (Status.WRONG_LENGTH, b"")
    layers = len(chip.layers)
    before, after = (struct.unpack(f"<I{3 * layers}I", replies[n][3]) for n in (7, 9))
    events = int(np.count_nonzero(golden.run(chip, np.frombuffer(image, np.uint8)[None], trace=True).traces[0].s))
    assert before[1 + layers] == events
    assert 0 < after[0] < before[0] and not any(after[1:])
    assert replies[10][3][:2] == replies[6][3][:2]


def test_garbage_between_requests(chip: Chip) -> None:
    dice = random.Random(6)
    parts: list[bytes | int] = []
    for tag in range(12):
        garbage = dice.randbytes(dice.randrange(1, 30))
        parts += [garbage + b"\0" if dice.random() < 0.5 else garbage, 100, request(Command.LOOPBACK, tag, b"ok"), 400]
    replies = converse(device_of(chip, 1), parts, 12)
    assert replies == [(Command.LOOPBACK | REPLY, tag, Status.OK, b"ok") for tag in range(12)]
