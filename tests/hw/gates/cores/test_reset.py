"""A reset, whatever is under way: what comes after it is as if nothing had been before."""

import random

import pytest
from amaranth import Module, Signal
from amaranth.hdl import Value
from amaranth.sim import Simulator

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.sim import golden
from tests.support.chips import random_chip, random_pixels
from tests.support.proofs import proofs
from tests.support.real_time import real_time_chip

RESET_CYCLES = 16
#: cycles in which everything must be over
PATIENCE = 200_000  # clock cycles
PERIOD = 1e-8  # of the clock, seconds


def random_core(seed: int, dice: random.Random) -> tuple[Chip, CoreOptions]:
    """A chip and its core: parallel layers below seed 12, with change events if it is odd; from 15 on in real time."""
    serial = 12 <= seed < 15
    sizes = (dice.randint(2, 12), dice.randint(2, 8 if serial else 40), dice.randint(2, 6))
    options = CoreOptions(dice.choice((1, 4)), dice.choice((1, 2)), dice.choice((1, 2, 8)), change_events=seed % 2 == 1)
    if seed >= 15:
        chip = real_time_chip(seed, sizes=sizes, readout="most_spikes")
        return chip, CoreOptions(options.pixel_lanes, 1, 1, real_time=True)
    chip = random_chip(seed, sizes=sizes, readout="most_spikes")
    return chip, CoreOptions(options.pixel_lanes, 1, 1, serial=True) if serial else options


@pytest.mark.parametrize("seed", [0, *proofs(range(1, 15)), 15, *proofs(range(16, 20))])
def test_reset_in_the_midst(seed: int) -> None:
    dice = random.Random(seed)
    chip, options = random_core(seed, dice)
    core, reset, resetting = Core(chip, options), Signal(), Signal()
    m = Module()
    m.submodules.core = core
    m.d.comb += core.reset.eq(reset)
    m.d.sync += resetting.eq(reset)
    images = random_pixels(seed, chip, 6)
    expected = golden.run(chip, images)
    taken: list[tuple[list[int], list[int]]] = []
    running = True

    async def send(ctx) -> None:
        lanes = options.pixel_lanes
        padded = [[*image.tolist(), *[0] * (-len(image) % lanes)] for image in images]
        payload = Value.cast(core.pixels.payload)
        number, start, offered = 0, 0, None
        ctx.set(core.pixels.valid, 1)
        while running:
            if offered != (number, start):
                codes = padded[number % len(padded)][start : start + lanes]
                ctx.set(payload, int.from_bytes(bytes(codes), "little"))
                offered = number, start
            _, _, ready, lost = await ctx.tick().sample(core.pixels.ready, reset | resetting)
            if lost:
                number, start = 0, 0
            elif ready:
                start += lanes
                if start == len(padded[0]):
                    number, start = number + 1, 0

    async def take(ctx) -> None:
        nonlocal running
        ctx.set(core.result.ready, 1)
        for _ in range(8):
            ctx.set(reset, 1)
            await ctx.tick().repeat(RESET_CYCLES)
            ctx.set(reset, 0)
            taken.clear()
            for _ in range(dice.randint(0, 3)):
                answer = await ctx.tick().sample(core.result.payload).until(core.result.valid)
                taken.append((list(answer[0].counts), list(answer[0].membranes)))
            await ctx.tick().repeat(dice.randint(1, 400))
            for n, (counts, membranes) in enumerate(taken):
                assert counts == expected.counts[n].tolist(), f"seed {seed}"
                assert membranes == expected.membranes[n].tolist(), f"seed {seed}"
        running = False

    async def watchdog(ctx) -> None:
        await ctx.delay(PATIENCE * PERIOD)
        raise AssertionError(f"seed {seed}: no answer")

    simulator = Simulator(m)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(watchdog, background=True)
    simulator.add_testbench(send, background=True)
    simulator.add_testbench(take)
    simulator.run()
