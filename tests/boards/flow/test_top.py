"""What goes on each board: its clock, pins and LEDs are there for the asking."""

import numpy as np
import pytest

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.top import BoardTop
from captwin.hw.gates.core import Core
from captwin.hw.gates.options import CoreOptions
from captwin.hw.link.selftest import Expected
from tests.support.chips import random_chip


# Amaranth keeps the colours of a lamp that are not asked for dark, by pins that it calls deprecated.
@pytest.mark.filterwarnings("ignore:Using platform.request without:DeprecationWarning")
@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_what_the_top_asks_for(name: str) -> None:
    board, chip = find_board(name), random_chip(2, sizes=(6, 3, 2))
    expected = Expected(np.zeros(chip.pixels, np.uint8), 0, 1, (0, 0), (0, 0))
    platform = board.platform()
    pll = board.family.pll(platform.default_clk_frequency, board.clock_hz)
    top = BoardTop(board, Core(chip, CoreOptions(1, 1, 1)), expected, pll)
    files = platform.prepare(top, "captwin").files
    (constraints,) = [text for file, text in files.items() if file.endswith((".lpf", ".pcf", ".cst"))]
    said = constraints if isinstance(constraints, str) else constraints.decode()
    assert sum("led" in line for line in said.splitlines()) >= len(board.leds)
