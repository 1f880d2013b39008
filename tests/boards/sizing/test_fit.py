"""Whether a core fits, said beforehand."""

from dataclasses import replace

import pytest

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.fit import block_rams, check_fit, fitting
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.train.zoo import load_chip


@pytest.mark.parametrize(
    ("chip", "board", "options", "found"),
    [
        # what synthesis made of weights and surfaces
        ("mnist-small", "ulx3s-85f", CoreOptions(32, (4, 1), (8, 1)), 56 + 16 + 2 + 4),
        ("digits-tiny", "icebreaker", CoreOptions(1, 1, 1), 4),  # weights in LUTs,
        ("digits", "ice40-hx8k", CoreOptions(4, 1, 1, serial=True), 19),
    ],
)
def test_counts(chip: str, board: str, options: CoreOptions, found: int) -> None:
    assert block_rams(load_chip(chip), options, find_board(board)) == found


def test_too_large_says_what_would_fit() -> None:
    chip, board = load_chip("mnist"), find_board("ulx3s-85f")
    with pytest.raises(
        CaptwinError,
        match=r"are 208; this may fit: --fixed --parallel --pixel-lanes \d+ --row-banks \S+ --lanes \S+$",
    ) as caught:
        check_fit(chip, board.options(3), board)
    words = str(caught.value).split()
    banks, lanes = (tuple(map(int, words[words.index(f"--{name}") + 1].split(","))) for name in ("row-banks", "lanes"))
    advised = CoreOptions(int(words[words.index("--pixel-lanes") + 1]), banks, lanes)
    check_fit(chip, advised, board)
    assert advised == fitting(chip, board)
    small = load_chip("mnist-small")
    assert fitting(small, board) == board.options(2)


def test_too_many_luts() -> None:
    chip, board = load_chip("digits-small"), find_board("ice40-hx8k")
    with pytest.raises(
        CaptwinError,
        match=r"takes about 1\d,\d+ LUTs, there are 7,680; this may fit: .* --serial --pixel-lanes 4$",
    ):
        check_fit(chip, CoreOptions(4, 1, 1), board)
    check_fit(chip, fitting(chip, board), board)


def test_what_is_said_is_kept() -> None:
    chip, board = load_chip("digits"), find_board("ice40-hx8k")
    assert fitting(chip, board) == CoreOptions(4, 1, 1, serial=True)
    said = fitting(chip, board, lambda options: replace(options, pixel_lanes=1))
    assert said.serial and said.pixel_lanes == 1
    said = fitting(load_chip("digits-small"), board, lambda options: replace(options, loadable=True, trace=True))
    assert said.serial and said.loadable and said.trace
    with pytest.raises(CaptwinError, match=r"this may fit: --fixed --serial --pixel-lanes \d+$"):
        check_fit(chip, CoreOptions(64, 1, 1), find_board("icebreaker"))


def test_too_large_at_all() -> None:
    board = find_board("icebreaker")
    with pytest.raises(CaptwinError, match=r"784-96-10 core takes at least \d+ block RAMs, there are 30; no core"):
        check_fit(load_chip("mnist-small"), board.options(2), board)
