"""A core on a simulated line: images, damaged requests, urgent ones, the self-test."""

import random
import struct
from dataclasses import replace

import pytest
from amaranth import Module

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.linked_core import bit_cycles
from captwin.hw.link.protocol import REPLY, Command, Status
from captwin.sim import golden
from captwin.sim.expected import expect
from tests.hw.link.line_host import converse, linked, request, run, send, small_device
from tests.support.chips import random_chip, random_pixels


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(3, sizes=(11, 6, 4))


class Stuck(Core):
    """A core that takes nothing and answers nothing."""

    def elaborate(self, platform: object) -> Module:
        return Module()


def test_an_image(chip: Chip) -> None:
    images = random_pixels(4, chip, 1)
    outcome = golden.run(chip, images)
    parts = [request(Command.INFER, 500 + n, image.tobytes()) for n, image in enumerate(images)]
    replies = converse(small_device(chip), parts, len(images))
    for n, (command, tag, status, body) in enumerate(replies):
        assert (command, tag, status) == (Command.INFER | REPLY, 500 + n, Status.OK)
        assert body[:2] == bytes([outcome.labels[n], outcome.steps[n]])
        numbers = struct.unpack_from(f"<{chip.classes}B{chip.classes}H", body, 6)
        assert numbers == (*outcome.counts[n], *outcome.membranes[n])


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_reset_overtakes_what_waits_for_the_core(chip: Chip) -> None:
    """The frames that wait are forgotten, in the receiver too."""
    core = Stuck(chip, CoreOptions(pixel_lanes=1, lanes=2, loadable=True))
    image = random_pixels(5, chip, 1)[0]
    waiting = [request(Command.INFER, n, image.tobytes()) for n in range(4)]
    parts = [*waiting, request(Command.RESET, 91), 500, request(Command.LOOPBACK, 92, b"ok"), 400]
    parts += [*waiting, request(Command.RESET, 93)]
    assert converse(linked(core, expect(chip, image)), parts, 3) == [
        (Command.RESET | REPLY, 91, Status.OK, b""),
        (Command.LOOPBACK | REPLY, 92, Status.OK, b"ok"),
        (Command.RESET | REPLY, 93, Status.OK, b""),
    ]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_garbage_between_requests(chip: Chip) -> None:
    """The core has no part in it."""
    dice = random.Random(6)
    parts: list[bytes | int] = []
    for tag in range(12):
        garbage = dice.randbytes(dice.randrange(1, 30))
        parts += [garbage + b"\0" if dice.random() < 0.5 else garbage, 60, request(Command.LOOPBACK, tag, b"ok"), 200]
    core = Stuck(chip, CoreOptions(lanes=2))
    replies = converse(linked(core, expect(chip, random_pixels(1, chip, 1)[0])), parts, 12)
    assert replies == [(Command.LOOPBACK | REPLY, tag, Status.OK, b"ok") for tag in range(12)]


@pytest.mark.parametrize("wrong", ["", "label", "steps", "counts", "membranes"])
def test_self_test(chip: Chip, wrong: str) -> None:
    """It goes on until a host speaks; then its verdict stays."""
    image = random_pixels(1, chip, 1)[0]
    expected = expect(chip, image)
    if wrong in ("label", "steps"):
        expected = replace(expected, **{wrong: getattr(expected, wrong) ^ 1})
    elif wrong:
        numbers = getattr(expected, wrong)
        expected = replace(expected, **{wrong: (*numbers[:-1], numbers[-1] ^ 1)})
    device = linked(Core(chip, CoreOptions(pixel_lanes=4, lanes=2)), expected)

    def verdict(ctx) -> tuple[int, int]:
        return ctx.get(device.passed), ctx.get(device.failed)

    async def watch(ctx) -> None:
        assert verdict(ctx) == (0, 0)
        await ctx.tick().repeat(1200)  # some images
        assert verdict(ctx) == (not wrong, bool(wrong))
        if not wrong:
            assert ctx.get(device.label) == expected.label
        assert ctx.get(device.tx)
        if wrong not in ("", "label"):
            return
        await send(ctx, device, [1, request(Command.COUNTERS, 7)])
        await ctx.negedge(device.tx)
        assert verdict(ctx) == (not wrong, bool(wrong))
        assert ctx.get(device.core.counters.cycles) < 1200  # since the host's request

    run(device, watch)


def test_whole_cycles_of_a_bit() -> None:
    """As fast as is wanted, or a whole fraction of it."""
    for clock_hz, baud, cycles in ((100e6, 3e6, 33), (100e6, 12e6, 25), (72e6, 12e6, 12), (30e6, 12e6, 10), (8, 1, 8)):
        assert bit_cycles(clock_hz, baud) == cycles


@pytest.mark.proof
def test_hold_resets_everything(chip: Chip) -> None:
    """In the midst of a request and of images."""
    device = small_device(chip)
    image = random_pixels(1, chip, 1)[0]
    asked = request(Command.COUNTERS, 7)

    async def talk(ctx) -> None:
        await send(ctx, device, [1, request(Command.INFER, 5, image.tobytes()), asked[:4]])
        ctx.set(device.hold, 1)
        await ctx.tick().repeat(20)
        assert not ctx.get(device.passed)
        assert ctx.get(device.core.counters.cycles) == 0
        ctx.set(device.hold, 0)
        await ctx.tick().repeat(1200)
        assert ctx.get(device.passed) and ctx.get(device.tx)  # the self-test's turn again
        await send(ctx, device, [1, asked])
        await ctx.negedge(device.tx)

    run(device, talk)
