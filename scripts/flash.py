"""``captwin flash``: a built bitstream onto its board."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from boards.catalogue import BOARDS, find_board
from boards.flash import flash as run
from boards.flash import flash_command
from scripts.build import build_folder
from scripts.output import log
from train.zoo import load_chip


def flash(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")],
    burn: Annotated[
        bool, typer.Option("--burn", help="Into flash memory, for good; else it is lost at power-off.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the command.")] = False,
    build: Annotated[Path | None, typer.Option(help="The build's folder [default: build/CHIP-BOARD].")] = None,
) -> None:
    """Flash a chip's bitstream; refuses one that was made for another board or chip."""
    folder = build or build_folder(chip, board)
    command = flash_command(folder, find_board(board), load_chip(chip), burn=burn)
    if dry_run:
        print(shlex.join(command))
        return
    log.print(shlex.join(command))
    run(command)
