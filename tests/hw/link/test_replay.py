"""Images from memory into a real-time core: all classes right, each in its cycle; and what is said if not."""

import struct
from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.encoders import make_encoder
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.real_time.encoder import full_rate_lanes
from captwin.hw.link.linked_core import LinkedCore
from captwin.hw.link.protocol import REPLY, Command, Status
from captwin.hw.link.replay import Replay
from captwin.hw.link.selftest import Replayed
from captwin.sim import golden
from captwin.sim.expected import expect
from tests.hw.link.line_host import converse, linked, request, run
from tests.support.chips import random_pixels
from tests.support.real_time import real_time_chip

IMAGES = 9


@pytest.fixture(scope="module")
def chip() -> Chip:
    return real_time_chip(18, sizes=(26, 6, 4), encoder=make_encoder(steps=5), knots=(3, 4), readout="most_spikes")


def device(chip: Chip, labels: np.ndarray, lanes: int | None = None) -> LinkedCore:
    pixels = random_pixels(7, chip, IMAGES)
    core = Core(chip, CoreOptions(lanes or full_rate_lanes(chip), 1, 1, real_time=True))
    return linked(core, replace(expect(chip, pixels[0]), replayed=Replayed(pixels, labels)))


def labels(chip: Chip) -> np.ndarray:
    return np.asarray(golden.run(chip, random_pixels(7, chip, IMAGES)).labels)


def verdict(ctx, linked_core: LinkedCore) -> tuple[int, int, int]:
    replay = linked_core.replay
    assert replay is not None
    return ctx.get(replay.done), ctx.get(replay.passed), ctx.get(replay.failed)


@pytest.mark.parametrize("lanes", [8, 2])
def test_all_classes_come_in_time(chip: Chip, lanes: int) -> None:
    """At the full rate, and with pixels that take longer than an image's steps."""
    board = device(chip, labels(chip), lanes)
    assert board.replay is not None and board.replay.interval == {8: 5, 2: 15}[lanes]
    assert len(set(board.replay.labels)) == 3

    async def watch(ctx) -> None:
        assert verdict(ctx, board) == (0, 0, 0)
        await ctx.tick().until(board.replay.done)
        assert verdict(ctx, board) == (1, 1, 0)
        assert not ctx.get(board.passed)  # before the self-test has had its turn
        await ctx.tick().until(board.passed)

    run(board, watch)


@pytest.mark.parametrize("place", [0, IMAGES - 1])
def test_another_class_is_told(chip: Chip, place: int) -> None:
    wrong = labels(chip).copy()
    wrong[place] ^= 1
    board = device(chip, wrong)

    async def watch(ctx) -> None:
        await ctx.tick().until(board.replay.done)
        assert verdict(ctx, board) == (1, 0, 1)
        await ctx.tick().repeat(1500)  # the self-test finds nothing wrong
        assert ctx.get(board.failed) and not ctx.get(board.passed) and ctx.get(board.test.passed)

    run(board, watch)


def test_a_result_at_another_time_is_told(chip: Chip) -> None:
    board = device(chip, labels(chip))
    assert board.replay is not None
    board.replay.interval += 1

    async def watch(ctx) -> None:
        await ctx.tick().until(board.replay.done)
        assert verdict(ctx, board) == (1, 0, 1)

    run(board, watch)


def test_a_core_without_answers_is_told(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replay, "PATIENCE", 30)  # less than the first image takes
    board = device(chip, labels(chip))

    async def watch(ctx) -> None:
        await ctx.tick().until(board.replay.done)
        assert verdict(ctx, board) == (1, 0, 1)

    run(board, watch)


def test_a_host_is_answered_afterwards(chip: Chip) -> None:
    image = random_pixels(8, chip, 1)[0]
    answer = golden.run(chip, image[None])
    asked = request(Command.INFER, 3, image.tobytes())
    ((command, tag, status, body),) = converse(device(chip, labels(chip)), [1, asked], 1)
    assert (command, tag, status) == (Command.INFER | REPLY, 3, Status.OK)
    assert body[:2] == bytes([answer.labels[0], answer.steps[0]])
    counts = struct.unpack_from(f"<{chip.classes}B", body, 6)
    assert counts == tuple(answer.counts[0])
