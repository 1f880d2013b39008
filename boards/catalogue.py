"""The boards by name."""

from captwin.boards import ecpix5_85f, ice40_hx8k, icebreaker, tang_nano_9k, ulx3s_85f
from captwin.boards.board import Board
from captwin.hw.support.errors import CaptwinError

BOARDS = {module.BOARD.name: module.BOARD for module in (ulx3s_85f, ecpix5_85f, ice40_hx8k, icebreaker, tang_nano_9k)}


def find_board(name: str) -> Board:
    """The board of that name; :class:`CaptwinError` lists the names if there is none."""
    if name not in BOARDS:
        raise CaptwinError(f"{name}: no such board; the boards are {', '.join(BOARDS)}")
    return BOARDS[name]
