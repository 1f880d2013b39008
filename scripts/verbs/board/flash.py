"""``captwin flash``: a built bitstream onto its board."""

import shlex
from typing import Annotated

import typer

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.built import read_built
from captwin.boards.flow.flash import flash as run
from captwin.scripts.options import BuildOption, build_folder
from captwin.scripts.terminal.output import log
from captwin.train.zoo import load_chip


def flash(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")],
    burn: Annotated[
        bool, typer.Option("--burn", help="Into flash memory, for good; else it is lost at power-off.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the command.")] = False,
    build: BuildOption = None,
) -> None:
    """Flash a chip's bitstream; refuses one that was made for another board or chip."""
    built = read_built(build or build_folder(chip, board), find_board(board), load_chip(chip), name=chip)
    command = built.board.flasher.command(built.bitstream, burn=burn)
    if dry_run:
        print(shlex.join(command))
        return
    log.print(shlex.join(command))
    run(command)
