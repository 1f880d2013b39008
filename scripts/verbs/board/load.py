"""``captwin load``: another chip into a board that is running."""

from time import perf_counter
from typing import Annotated

import numpy as np
import typer

from captwin.boards.host.discovery import AUTO, open_device
from captwin.hw.chip import PIXEL_MAX
from captwin.scripts.agreement import mismatches
from captwin.scripts.options import BaudOption
from captwin.scripts.terminal.output import JsonFlag, Row, count, log, note, progress_told, show
from captwin.sim import golden
from captwin.train.zoo import load_chip

#: images of noise that must come out right
CHECKED = 8


def load(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    port: Annotated[str, typer.Option(help=f"The board's serial port, or `{AUTO}` to look for one.")] = AUTO,
    baud: BaudOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Load a chip into a board, in place of the one in it, until it is configured again."""
    loaded = load_chip(chip)
    with open_device(port, baud) as device:
        before, start = device.sent, perf_counter()
        with progress_told() as progress:
            device.load(loaded, progress)
        sent, seconds = device.sent - before, perf_counter() - start
        noise = np.random.default_rng(0).integers(0, PIXEL_MAX + 1, (CHECKED, loaded.pixels), dtype=np.uint8)
        expected = golden.run(loaded, noise, trace=device.traces)
        if device.traces:
            answers, traces = zip(*map(device.trace, noise), strict=True)
            wrong = mismatches(answers, expected, traces)
        else:
            wrong = mismatches(list(device.infer(noise)), expected)
    show(
        [
            note("port", "port", device.port),
            note("chip", "chip", chip),
            note("build_id", "build id", f"{device.build_id:016x}"),
            count("bytes", "bytes sent", sent),
            Row("seconds", seconds, "time", f"{seconds:.1f} s"),
            count("checked", "images of noise", CHECKED),
            count("mismatches", "mismatches", len(wrong)),
        ],
        "Chip loaded",
        as_json,
    )
    if wrong:
        log.print(f"captwin: {device.port}: answers are not those of {chip}; configure the board again")
        raise typer.Exit(1)
