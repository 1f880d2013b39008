"""Whether a core fits, said beforehand."""

from dataclasses import replace

import pytest

from captwin.boards.board import Board
from captwin.boards.catalogue import find_board
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.block_rams import block_rams
from captwin.boards.sizing.fit import SizedCore, size_core
from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.train.zoo import load_chip

pytestmark = pytest.mark.usefixtures("counted_once")


def sized(chip: Chip, options: CoreOptions, board: Board) -> SizedCore:
    return SizedCore(AreaModel(chip, board), options)


@pytest.mark.parametrize(
    ("chip", "board", "options", "count"),
    [
        # what synthesis made of weights and surfaces
        ("mnist-small", "ulx3s-85f", CoreOptions(32, (4, 1), (8, 1)), 56 + 16 + 2 + 4),
        ("digits-tiny", "icebreaker", CoreOptions(1, 1, 1), 4),  # weights in LUTs,
        ("digits", "ice40-hx8k", CoreOptions(4, 1, 1, serial=True), 19),
    ],
)
def test_counts(chip: str, board: str, options: CoreOptions, count: int) -> None:
    assert block_rams(load_chip(chip), options, find_board(board)) == count


def test_too_large_says_what_would_fit() -> None:
    chip, board = load_chip("mnist"), find_board("ulx3s-85f")
    with pytest.raises(
        CaptwinError,
        match=r"are 208; this may fit: --fixed --parallel --pixel-lanes \d+ --row-banks \S+ --lanes \S+$",
    ) as caught:
        sized(chip, board.options(3), board).require_fit()
    words = str(caught.value).split()
    banks, lanes = (tuple(map(int, words[words.index(f"--{name}") + 1].split(","))) for name in ("row-banks", "lanes"))
    advised = CoreOptions(int(words[words.index("--pixel-lanes") + 1]), banks, lanes)
    sized(chip, advised, board).require_fit()
    assert advised == size_core(chip, board).options
    small = load_chip("mnist-small")
    assert size_core(small, board).options == board.options(2)


def test_too_many_luts() -> None:
    chip, board = load_chip("digits-small"), find_board("ice40-hx8k")
    with pytest.raises(
        CaptwinError,
        match=r"takes about 1\d,\d+ LUTs, there are 7,680; this may fit: .* --serial --pixel-lanes 4$",
    ):
        sized(chip, CoreOptions(4, 1, 1), board).require_fit()
    size_core(chip, board).require_fit()


def test_what_is_requested_is_kept() -> None:
    chip, board = load_chip("digits"), find_board("ice40-hx8k")
    assert size_core(chip, board).options == CoreOptions(4, 1, 1, serial=True)
    core = size_core(chip, board, lambda usual: replace(usual, pixel_lanes=1))
    assert core.options.serial and core.options.pixel_lanes == 1
    core = size_core(load_chip("digits-small"), board, lambda usual: replace(usual, loadable=True, trace=True))
    assert core.options.serial and core.options.loadable and core.options.trace
    with pytest.raises(CaptwinError, match=r"this may fit: --fixed --serial --pixel-lanes \d+$"):
        sized(chip, CoreOptions(64, 1, 1), find_board("icebreaker")).require_fit()


def test_too_large_at_all() -> None:
    board = find_board("icebreaker")
    with pytest.raises(CaptwinError, match=r"784-96-10 core takes at least \d+ block RAMs, there are 30; no core"):
        sized(load_chip("mnist-small"), board.options(2), board).require_fit()
