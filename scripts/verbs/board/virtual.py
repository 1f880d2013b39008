"""``captwin virtual``: a board that is none, for as long as one wants it."""

import contextlib
import signal
from typing import Annotated

import typer
from rich.text import Text

from captwin.hw.gates.core import Core
from captwin.scripts.options import (
    BanksOption,
    BaudOption,
    ChangeEventsOption,
    LanesOption,
    LoadableOption,
    PixelLanesOption,
    SerialOption,
    core_options,
)
from captwin.scripts.terminal.output import log
from captwin.sim.rtl.virtual import BAUD, LOADABLE, VirtualBoard
from captwin.train.zoo import load_chip


def virtual(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    loadable: LoadableOption = None,
    serial: SerialOption = None,
    change_events: ChangeEventsOption = None,
    baud: BaudOption = None,
) -> None:
    """Run a virtual board until interrupted; prints its port, for any program that talks to serial ones."""
    options = core_options(
        pixel_lanes, row_banks, lanes, loadable=loadable, serial=serial, change_events=change_events, default=LOADABLE
    )
    with log.status(Text("writing and compiling the virtual board")):
        board = VirtualBoard(Core(load_chip(chip), options), baud=baud or BAUD)
    with board:
        print(board.port, flush=True)
        log.print(f"captwin: {chip} is at {board.port}, at any baud rate; end with Ctrl-C")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
