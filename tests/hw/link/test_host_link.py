"""The device's end, a core behind it, on a simulated line."""

import itertools
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from amaranth import Module
from amaranth.sim import Simulator
from cobs import cobs

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.about import About
from captwin.hw.link.linked_core import LinkedCore, bit_cycles
from captwin.hw.link.protocol import REPLY, Command, Status
from captwin.hw.link.selftest import Expected
from captwin.sim import golden
from captwin.sim.expected import expect
from tests.support.chips import random_chip, random_pixels

CYCLES = 8


def device_of(chip: Chip, pixel_lanes: int) -> LinkedCore:
    """A small core on a fast line that forgets half a frame after 40 bits."""
    core = Core(chip, CoreOptions(pixel_lanes=pixel_lanes, lanes=2))
    return linked(core, expect(chip, random_pixels(1, chip, 1)[0]))


def linked(core: Core, expected: Expected) -> LinkedCore:
    return LinkedCore(core, expected, clock_hz=40 * CYCLES / LinkedCore.PATIENCE_S, baud=40 / LinkedCore.PATIENCE_S)


def framed(body: bytes) -> bytes:
    return cobs.encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def request(command: int, tag: int, body: bytes = b"") -> bytes:
    return framed(struct.pack("<BH", command, tag) + body)


def levels(parts: list[bytes | int]) -> Iterator[int]:
    """Of a line on which bytes go, with so many bits of silence between."""
    for part in parts:
        if isinstance(part, int):
            yield from [1] * part
            continue
        for byte in part:
            yield from (0, *(byte >> n & 1 for n in range(8)), 1)


def converse(device: LinkedCore, parts: list[bytes | int], replies: int) -> list[tuple[int, int, int, bytes]]:
    """Sends bytes, with so many bits of silence between, until so many replies came; (command, tag, status, body)."""
    received = bytearray()

    async def send(ctx):
        for level in itertools.chain(levels(parts), itertools.repeat(1)):
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
    assert replies[0] == (Command.IDENTIFY | REPLY, 1, Status.OK, device.link.identify.whole)
    assert replies[1][2:] == (Status.OK, echo)
    assert replies[2][2:] == (Status.OK, b"")
    assert replies[3] == (99 | REPLY, 4, Status.UNKNOWN_COMMAND, b"")
    assert replies[4][2:] == replies[5][2:] == (Status.WRONG_LENGTH, b"")
    layers = len(chip.layers)
    before, after = (struct.unpack(f"<I{3 * layers}I", replies[n][3]) for n in (7, 9))
    events = int(np.count_nonzero(golden.run(chip, np.frombuffer(image, np.uint8)[None], trace=True).traces[0].spikes))
    assert before[1 + layers] == events
    assert 0 < after[0] < before[0] and not any(after[1:])
    assert replies[10][3][:2] == replies[6][3][:2]


class Stuck(Core):
    """A core that takes nothing and answers nothing."""

    def elaborate(self, platform: object) -> Module:
        return Module()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_reset_and_identify_overtake_what_waits_for_the_core(chip: Chip) -> None:
    core = Stuck(chip, CoreOptions(pixel_lanes=1, lanes=2, loadable=True))
    image = random_pixels(5, chip, 1)[0]
    device = linked(core, expect(chip, image))
    waiting = [request(Command.INFER, n, image.tobytes()) for n in range(4)]
    about = device.link.identify.whole
    parts = [*waiting, request(Command.IDENTIFY, 90), 8000, request(Command.RESET, 91), 800]
    parts += [request(Command.LOOPBACK, 92, b"ok"), 800, *waiting, request(Command.RESET, 93)]
    identity, *others = converse(device, parts, 4)
    assert identity[:3] == (Command.IDENTIFY | REPLY, 90, Status.OK) and identity[3] == about
    assert About.read(identity[3]) == device.about
    assert others == [
        (Command.RESET | REPLY, 91, Status.OK, b""),
        (Command.LOOPBACK | REPLY, 92, Status.OK, b"ok"),
        (Command.RESET | REPLY, 93, Status.OK, b""),
    ]


def test_garbage_between_requests(chip: Chip) -> None:
    dice = random.Random(6)
    parts: list[bytes | int] = []
    for tag in range(12):
        garbage = dice.randbytes(dice.randrange(1, 30))
        parts += [garbage + b"\0" if dice.random() < 0.5 else garbage, 100, request(Command.LOOPBACK, tag, b"ok"), 400]
    replies = converse(device_of(chip, 1), parts, 12)
    assert replies == [(Command.LOOPBACK | REPLY, tag, Status.OK, b"ok") for tag in range(12)]


@pytest.mark.parametrize("wrong", ["", "label", "steps", "counts", "membranes"])
def test_self_test(chip: Chip, wrong: str) -> None:
    """Until a host speaks; what it found then stays."""
    image = random_pixels(1, chip, 1)[0]
    expected = expect(chip, image)
    if wrong in ("label", "steps"):
        expected = replace(expected, **{wrong: getattr(expected, wrong) ^ 1})
    elif wrong:
        numbers = getattr(expected, wrong)
        expected = replace(expected, **{wrong: (*numbers[:-1], numbers[-1] ^ 1)})
    device = linked(Core(chip, CoreOptions(pixel_lanes=4, lanes=2)), expected)

    def found(ctx) -> tuple[int, int]:
        return ctx.get(device.passed), ctx.get(device.failed)

    async def watch(ctx) -> None:
        assert found(ctx) == (0, 0)
        await ctx.tick().repeat(4000)
        assert found(ctx) == (not wrong, bool(wrong))
        if not wrong:
            assert ctx.get(device.label) == expected.label
        assert ctx.get(device.tx)
        for level in (1, *levels([request(Command.COUNTERS, 7)])):
            ctx.set(device.rx, level)
            await ctx.tick().repeat(CYCLES)
        await ctx.tick().until(~device.tx)
        assert found(ctx) == (not wrong, bool(wrong))
        assert ctx.get(device.core.counters.cycles) < 4000  # since the host's request

    simulator = Simulator(device)
    simulator.add_clock(1e-8)
    simulator.add_testbench(watch)
    simulator.run()


def test_whole_cycles_of_a_bit() -> None:
    """As fast as is wanted, or a whole fraction of it."""
    for clock_hz, baud, cycles in ((100e6, 3e6, 33), (100e6, 12e6, 25), (72e6, 12e6, 12), (30e6, 12e6, 10), (8, 1, 8)):
        assert bit_cycles(clock_hz, baud) == cycles


def test_hold_resets_everything(chip: Chip) -> None:
    """In the midst of a request and of images."""
    device = device_of(chip, 4)
    image = random_pixels(1, chip, 1)[0]
    asked = request(Command.COUNTERS, 7)

    async def talk(ctx) -> None:
        for level in (1, *levels([request(Command.INFER, 5, image.tobytes()), asked[:4]])):
            ctx.set(device.rx, level)
            await ctx.tick().repeat(CYCLES)
        ctx.set(device.rx, 1)
        ctx.set(device.hold, 1)
        await ctx.tick().repeat(20)
        assert not ctx.get(device.passed)
        assert ctx.get(device.core.counters.cycles) == 0
        ctx.set(device.hold, 0)
        await ctx.tick().repeat(4000)
        assert ctx.get(device.passed) and ctx.get(device.tx)  # the self-test's turn again
        for level in (1, *levels([asked])):
            ctx.set(device.rx, level)
            await ctx.tick().repeat(CYCLES)
        await ctx.tick().until(~device.tx)

    simulator = Simulator(device)
    simulator.add_clock(1e-8)
    simulator.add_testbench(talk)
    simulator.run()
