"""The gates that carry out requests, with a core behind them, byte by byte."""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.about import About, about_core
from captwin.hw.link.host_link import HostLink
from captwin.hw.link.protocol import PROOF, REPLY, Command, Status
from captwin.sim import golden
from tests.support.chips import random_chip, random_pixels

#: cycles that a host waits for the next byte
PATIENCE = 5000

Reply = tuple[int, int, int, bytes]


class LinkWithCore(wiring.Component):
    """A host link and its core."""

    def __init__(self, core: Core) -> None:
        super().__init__({})
        self.core = core
        self.about = about_core(core, clock_hz=1e8, baud=1e6)
        self.link = HostLink(core, self.about.text(core.chip))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link, core = self.link, self.core
        m.submodules.link, m.submodules.core = link, core
        wiring.connect(m, link.pixels, core.pixels)
        wiring.connect(m, core.result, link.result)
        m.d.comb += link.counters.eq(core.counters)
        m.d.sync += core.reset.eq(link.core_reset)
        if core.options.loadable:
            m.d.comb += core.load.eq(link.load)
        return m


class Host:
    """Sends requests to a link and takes its replies."""

    def __init__(self, ctx, link: HostLink) -> None:
        self._ctx, self._link = ctx, link

    async def send(self, command: int, tag: int, body: bytes = b"") -> None:
        """Offers a request until its last byte is taken."""
        content = struct.pack("<BH", command, tag) + body
        await self.offer(content, len(content))

    async def offer(self, content: bytes, length: int) -> None:
        """Offers the first bytes of a request of ``length`` bytes until they are taken."""
        ctx, link = self._ctx, self._link
        ctx.set(link.length, length)
        for n, byte in enumerate(content):
            ctx.set(link.requests.payload, {"data": byte, "last": n == length - 1})
            ctx.set(link.requests.valid, 1)
            for _ in range(PATIENCE):
                *_, taken = await ctx.tick().sample(link.requests.ready)
                if taken:
                    break
            else:
                raise AssertionError(f"nobody takes byte {n} of {content!r}")
        ctx.set(link.requests.valid, 0)

    async def reply(self) -> Reply:
        """Command, tag, status, body."""
        ctx, replies = self._ctx, self._link.replies
        ctx.set(replies.ready, 1)
        content = bytearray()
        while True:
            for _ in range(PATIENCE):
                *_, valid, payload = await ctx.tick().sample(replies.valid, replies.payload)
                if valid:
                    break
            else:
                raise AssertionError(f"nothing came any more, received {bytes(content)!r}")
            content.append(payload.data)
            if payload.last:
                break
        ctx.set(replies.ready, 0)
        command, tag, status = struct.unpack_from("<BHB", content)
        return command, tag, status, bytes(content[4:])

    async def ask(self, command: int, tag: int, body: bytes = b"") -> Reply:
        """Sends a request that is answered once all of it is taken."""
        await self.send(command, tag, body)
        return await self.reply()

    async def call(self, command: int, tag: int) -> int:
        """Sends an urgent request; whether others are forgotten as it is taken."""
        ctx, link = self._ctx, self._link
        ctx.set(link.calls.payload, {"command": command, "tag": tag})
        ctx.set(link.calls.valid, 1)
        for _ in range(PATIENCE):
            *_, taken, forget = await ctx.tick().sample(link.calls.ready, link.forget)
            if taken:
                ctx.set(link.calls.valid, 0)
                return forget
        raise AssertionError(f"nobody takes call {tag}")

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._ctx.tick()


def run(device: LinkWithCore, *testbenches) -> None:
    """Runs ``device`` until all of ``testbenches`` are over, each of which gets a :class:`Host`."""
    simulator = Simulator(device)
    simulator.add_clock(1e-8)
    for testbench in testbenches:

        async def bench(ctx, testbench=testbench) -> None:
            await testbench(Host(ctx, device.link))

        simulator.add_testbench(bench)
    simulator.run()


def converse(device: LinkWithCore, requests: Sequence[tuple[int, int, bytes]]) -> list[Reply]:
    """Sends each request when the one before has been answered."""
    replies = []

    async def send(host: Host) -> None:
        for request in requests:
            before = len(replies)
            await host.send(*request)
            await host.wait_until(lambda before=before: len(replies) > before)

    async def take(host: Host) -> None:
        while len(replies) < len(requests):
            replies.append(await host.reply())

    run(device, send, take)
    return replies


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(3, sizes=(11, 6, 4))


@pytest.mark.parametrize("pixel_lanes", [1, 4])
def test_images(chip: Chip, pixel_lanes: int) -> None:
    """As many under way as the core takes."""
    images = random_pixels(4, chip, 5)
    expected = golden.run(chip, images)
    replies = []

    async def send(host: Host) -> None:
        for n, image in enumerate(images):
            await host.send(Command.INFER, 500 + n, image.tobytes())

    async def take(host: Host) -> None:
        while len(replies) < len(images):
            replies.append(await host.reply())

    run(LinkWithCore(Core(chip, CoreOptions(pixel_lanes=pixel_lanes, lanes=2))), send, take)
    for n, (command, tag, status, body) in enumerate(replies):
        assert (command, tag, status) == (Command.INFER | REPLY, 500 + n, Status.OK)
        assert body[:2] == bytes([expected.labels[n], expected.steps[n]])
        numbers = struct.unpack_from(f"<{chip.classes}B{chip.classes}H", body, 6)
        assert numbers == (*expected.counts[n], *expected.membranes[n])
        answer = 6 + 3 * chip.classes
        cycles, since_reset = struct.unpack_from("<I", body, 2), struct.unpack_from("<I", body, answer)
        assert (0,) < cycles < since_reset
        assert len(body) == answer + 4 + 12 * len(chip.layers)


def test_other_requests(chip: Chip) -> None:
    image = random_pixels(5, chip, 1)[0].tobytes()
    device = LinkWithCore(Core(chip, CoreOptions(pixel_lanes=1, lanes=2)))
    echo = bytes(range(40))
    requests = [
        (Command.IDENTIFY, 1, b""),
        (Command.LOOPBACK, 2, echo),
        (Command.LOOPBACK, 3, b""),
        (99, 4, b"abc"),
        (Command.INFER, 5, image + b"\0"),
        (Command.IDENTIFY, 6, b"x"),
        (Command.INFER, 7, image),
        (Command.COUNTERS, 8, b""),
        (Command.RESET, 9, b""),
        (Command.COUNTERS, 10, b""),
        (Command.INFER, 11, image),
    ]
    replies = converse(device, requests)
    assert [reply[1] for reply in replies] == list(range(1, 12))
    assert [reply[0] for reply in replies] == [command | REPLY for command, _, _ in requests]
    assert replies[0][2:] == (Status.OK, device.link.identify.whole)
    assert About.read(replies[0][3]) == device.about
    assert replies[1][2:] == (Status.OK, echo)
    assert replies[2][2:] == (Status.OK, b"")
    assert replies[3][2:] == (Status.UNKNOWN_COMMAND, b"")
    assert replies[4][2:] == replies[5][2:] == (Status.WRONG_LENGTH, b"")
    layers = len(chip.layers)
    before, after = (struct.unpack(f"<I{3 * layers}I", replies[n][3]) for n in (7, 9))
    outcome = golden.run(chip, np.frombuffer(image, np.uint8)[None], trace=True)
    assert before[1 + layers] == int(np.count_nonzero(outcome.traces[0].spikes))
    assert 0 < after[0] < before[0] and not any(after[1:])
    assert replies[10][3][:2] == replies[6][3][:2]


class Stuck(Core):
    """A core that takes nothing and answers nothing."""

    def elaborate(self, platform: object) -> Module:
        return Module()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_urgent_requests_overtake_an_image_that_waits_for_the_core(chip: Chip) -> None:
    device = LinkWithCore(Stuck(chip, CoreOptions(pixel_lanes=1, lanes=2, loadable=True)))

    async def talk(host: Host) -> None:
        first_pixel = struct.pack("<BHB", Command.INFER, 1, 77)  # which the core does not take
        await host.offer(first_pixel, 3 + chip.pixels)
        assert not await host.call(Command.IDENTIFY, 90)
        command, tag, status, body = await host.reply()
        assert (command, tag, status) == (Command.IDENTIFY | REPLY, 90, Status.OK)
        assert body == device.link.identify.whole and About.read(body) == device.about
        assert await host.call(Command.RESET, 91)
        assert await host.reply() == (Command.RESET | REPLY, 91, Status.OK, b"")
        assert await host.ask(Command.RESET, 92) == (Command.RESET | REPLY, 92, Status.OK, b"")

    run(device, talk)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_chip_is_known_until_something_is_written(chip: Chip) -> None:
    """And IDENTIFY names none then, nor is an image taken; what was not proved is refused."""
    core = Stuck(chip, CoreOptions(pixel_lanes=1, lanes=2, loadable=True))
    device = LinkWithCore(core)
    store = core.contents[0]
    word = bytes(store.word_bytes)

    async def talk(host: Host) -> None:
        def write(address: int, words: bytes) -> bytes:
            return struct.pack("<HHB", 0, address, store.word_bytes) + words

        assert (await host.ask(Command.PROVE, 1, bytes(PROOF - 1)))[2] == Status.WRONG_LENGTH
        assert (await host.ask(Command.WRITE, 2, write(0, b"")))[2] == Status.WRONG_LENGTH
        assert (await host.ask(Command.WRITE, 3, write(len(store.words), word)))[2] == Status.NO_STORE
        assert About.read((await host.ask(Command.IDENTIFY, 4))[3]) == device.about
        assert (await host.ask(Command.WRITE, 5, write(0, word)))[2:] == (Status.OK, b"")
        assert About.read((await host.ask(Command.IDENTIFY, 6))[3]).build_id is None
        assert (await host.ask(Command.INFER, 7, bytes(chip.pixels)))[2] == Status.NO_CHIP
        assert (await host.ask(Command.PROVE, 8, bytes(PROOF)))[2] == Status.NOT_PROVED

    run(device, talk)
