"""The boards by name: each is the ``BOARD`` of a module beside this one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import captwin.boards
from captwin.boards.board import Board
from captwin.hw.support.errors import CaptwinError


def _boards() -> list[Board]:
    """All boards, the reference board first, the others by name."""
    modules = (import_module(f"captwin.boards.{entry.name}") for entry in iter_modules(captwin.boards.__path__))
    boards: list[Board] = [module.BOARD for module in modules if hasattr(module, "BOARD")]
    return sorted(boards, key=lambda board: (not board.reference, board.name))


BOARDS = {board.name: board for board in _boards()}


@cache
def host_bauds() -> tuple[int, ...]:
    """The rates at which hosts talk to boards, in bits a second, each once, the lowest first."""
    return tuple(sorted({board.host_baud for board in BOARDS.values()}))


def find_board(name: str) -> Board:
    """The board of that name; :class:`CaptwinError` lists the names if there is none.

    >>> captwin.find_board("icebreaker").title
    'iCEBreaker'
    """
    if name not in BOARDS:
        raise CaptwinError(f"{name}: no such board; the boards are {', '.join(BOARDS)}")
    return BOARDS[name]
