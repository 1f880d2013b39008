"""The catalogue finds boards by their files."""

from pathlib import Path

import pytest

import captwin.boards
from captwin.boards import catalogue
from captwin.boards.catalogue import BOARDS, find_board
from captwin.hw.support.errors import CaptwinError


def test_the_reference_board_comes_first_and_the_others_by_name() -> None:
    first, *others = BOARDS
    assert BOARDS[first].reference and others == sorted(others)
    assert [board.reference for board in BOARDS.values()].count(True) == 1


def test_a_board_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anothers_board.py").write_text(
        "from dataclasses import replace\n"
        "from captwin.boards.icebreaker import BOARD as SIMILAR\n"
        "BOARD = replace(SIMILAR, name='another')\n"
    )
    monkeypatch.setattr(captwin.boards, "__path__", [*captwin.boards.__path__, str(tmp_path)])
    names = [board.name for board in catalogue._boards()]
    assert "another" in names and len(names) == len(BOARDS) + 1


def test_an_unknown_board() -> None:
    with pytest.raises(CaptwinError, match=r"fox: no such board; the boards are ulx3s-85f, .*, tang-nano-9k$"):
        find_board("fox")
