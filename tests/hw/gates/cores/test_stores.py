"""A core that another chip is written into answers as that chip."""

import random
from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from captwin.boards.host.loading import contents
from captwin.hw.chip import Formats
from captwin.hw.dither import Dither
from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from tests.boards.host.test_loading import room_of
from tests.support.chips import SMALL, like, random_chip, random_pixels
from tests.support.proofs import proof

#: cycles in which everything must be over
PATIENCE = 100_000  # clock cycles
PERIOD = 1e-8  # of the clock, seconds
SERIAL = CoreOptions(1, 1, 1, loadable=True, serial=True)


def loaded_answers(core: Core, stores: list, pixels: np.ndarray, seed: int) -> list[tuple]:
    """Writes ``stores``, resets the core, then runs images; (label, steps, counts, membranes)."""
    dice = random.Random(seed)
    lanes = core.options.pixel_lanes
    answers = []

    async def write(ctx) -> None:
        for number, entry in enumerate(stores):
            for address, word in enumerate(entry.words):
                for byte in word.to_bytes(entry.word_bytes, "little"):
                    ctx.set(core.load, {"shift": 1, "byte": byte, "store": dice.getrandbits(4)})
                    await ctx.tick().repeat(1)
                    ctx.set(core.load, {"shift": 0, "byte": dice.getrandbits(8)})
                    await ctx.tick().repeat(dice.choice((0, 0, 1)) or 1)
                ctx.set(core.load, {"write": 1, "store": number, "address": address})
                await ctx.tick()
        ctx.set(core.load, {"write": 0})
        await ctx.tick().repeat(4)
        ctx.set(core.reset, 1)
        await ctx.tick()
        ctx.set(core.reset, 0)
        await ctx.tick().repeat(4)
        for image in pixels:
            padded = np.pad(image, (0, -len(image) % lanes))
            for start in range(0, len(padded), lanes):
                for n in range(lanes):
                    ctx.set(core.pixels.payload[n], int(padded[start + n]))
                ctx.set(core.pixels.valid, 1)
                await ctx.tick().until(core.pixels.ready)
            ctx.set(core.pixels.valid, 0)

    async def read(ctx) -> None:
        ctx.set(core.result.ready, 1)
        for _ in pixels:
            (answer,) = await ctx.tick().sample(core.result.payload).until(core.result.valid)
            answers.append((answer.label, answer.steps, list(answer.counts), list(answer.membranes)))
        assert ctx.get(core.build_id) == next(entry.words[0] for entry in stores if entry.name == "identity.build_id")

    async def watchdog(ctx) -> None:
        await ctx.delay(PATIENCE * PERIOD)
        raise AssertionError(f"seed {seed}: no answer")

    simulator = Simulator(core)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(watchdog, background=True)
    simulator.add_testbench(write, background=True)
    simulator.add_testbench(read)
    simulator.run()
    return answers


def test_more_words_than_addresses() -> None:
    chip = random_chip(1, sizes=(300, 300, 3))
    with pytest.raises(CaptwinError, match=r"memories have 65,536 words at most, layers\.weights0 has 90,000; make it"):
        Core(chip, CoreOptions(1, 1, 1, loadable=True, serial=True))


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    "options",
    [
        CoreOptions(2, 2, 2, loadable=True),
        proof(CoreOptions(2, 2, 2, loadable=True, change_events=True)),
        CoreOptions(2, 1, 1, loadable=True, serial=True),
    ],
    ids=["parallel", "changes", "serial"],
)
def test_another_chip(options: CoreOptions, kind: str) -> None:
    seed = list(ENCODERS).index(kind)
    chip = random_chip(100 + seed, sizes=(7, 5, 4), kind=kind, formats=SMALL)
    pixels = 7 if chip.encoder.padding_obstacle(6, 7) else 6
    other = like(chip, 1000 * seed, (pixels, 4, 3))
    assert other.build_id != chip.build_id
    images = random_pixels(seed, other, 3)
    wide = np.pad(images, ((0, 0), (0, 7 - pixels)))
    answers = loaded_answers(Core(chip, options), contents(other, room_of(chip, options)), wide, seed)
    expected = golden.run(other, images)
    for n, (label, steps, counts, membranes) in enumerate(answers):
        assert (label, steps) == (expected.labels[n], expected.steps[n])
        assert counts[: other.classes] == expected.counts[n].tolist()
        assert membranes[: other.classes] == expected.membranes[n].tolist()


@pytest.mark.parametrize("options", [CoreOptions(1, 1, 1, loadable=True, change_events=True), SERIAL])
def test_another_chip_with_dither(options: CoreOptions) -> None:
    chip = random_chip(100, sizes=(3, 2, 2), kind="rate", formats=Formats(4, 8, 10, 7, 9), dithered=True)
    other = like(chip, 101, chip.sizes)
    layers = tuple(replace(layer, dither=Dither(seed, 300)) for layer, seed in zip(other.layers, (5, 6), strict=True))
    other = replace(other, layers=layers)
    images = random_pixels(1, other, 2)
    answers = loaded_answers(Core(chip, options), contents(other, room_of(chip, options)), images, 1)
    assert [answer[3] for answer in answers] == golden.run(other, images).membranes.tolist()
