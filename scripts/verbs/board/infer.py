"""``captwin infer``: images through a board, or a virtual one, every answer compared with the golden model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from captwin.boards.host.batch import Batch, run_batch
from captwin.boards.host.device import Device
from captwin.boards.host.discovery import AUTO, open_device
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.agreement import mismatches
from captwin.scripts.options import VIRTUAL, BaudOption
from captwin.scripts.terminal.output import JsonFlag, Row, count, log, note, progress_told, share, show
from captwin.sim import golden
from captwin.sim.rtl.virtual import BAUD, LOADABLE, VirtualBoard
from captwin.train.zoo import chip_dataset, load_chip, names

#: how long a simulated board may be silent, however slow the machine
SIMULATED_S = 10.0


def infer(
    port: Annotated[
        str, typer.Option(help=f"The board's serial port; `{VIRTUAL}` for none, `{AUTO}` to look for one.")
    ] = AUTO,
    chip: Annotated[
        str | None, typer.Option(help="A chip file, or the name of a pre-trained chip [default: the one in the board].")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    images: Annotated[int, typer.Option("--count", min=1, help="How many test images.")] = 200,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    baud: BaudOption = None,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Compare every sum, drive, membrane and spike too."),
    ] = False,
    record: Annotated[Path | None, typer.Option(help="File for all that goes over the line, as a hex dump.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run test images on a board; class, counts and membranes must equal the golden model's."""
    if port == VIRTUAL and chip is None:
        chip = data or "digits"
    named = load_chip(chip) if chip else None
    if named is not None:  # images that are not there are told before a board is connected, or even compiled
        chip_dataset(named, data).some(images, first=first)
    with connected(port, baud, record, named) as device:
        name, loaded = chip_in(device, chip)
        dataset = chip_dataset(loaded, data)
        pixels, labels = dataset.some(images, first=first)
        expected = golden.run(loaded, pixels, trace=trace)
        with progress_told() as progress:
            batch = run_batch(device, pixels, trace=trace, progress=progress)
    wrong = mismatches(batch.answers, expected, batch.traces)
    about = [note("port", "port", port), note("chip", "chip", name), note("data", "data", f"{dataset.name}, test set")]
    rows = _rows(batch, labels, len(wrong), None if trace else device.about.baud)
    show([*about, *rows], "Board against golden model", as_json)
    if wrong:
        log.print(f"captwin: first mismatch: image {first + wrong[0]}: got {batch.answers[wrong[0]]}")
        raise typer.Exit(1)


@contextmanager
def connected(port: str, baud: int | None, record: Path | None, chip: Chip | None) -> Iterator[Device]:
    if port != VIRTUAL:
        with open_device(port, baud, record) as device:
            yield device
        return
    assert chip is not None
    with log.status(Text("writing and compiling the virtual board")):
        board = VirtualBoard(Core(chip, LOADABLE), baud=baud or BAUD)
    with board, Device(board.port, patience_s=SIMULATED_S, record=record) as device:
        yield device


def chip_in(device: Device, expected: str | None) -> tuple[str, Chip]:
    """Name and chip of what is in the device: it must be ``expected``, or any pre-trained chip."""
    device.require_chip(expected or "CHIP")
    candidates = [expected] if expected else names()
    for name in candidates:
        chip = load_chip(name)
        if chip.build_id == device.build_id:
            return name, chip
    if expected:
        raise CaptwinError(
            f"{device.port}: holds chip {device.build_id:016x}, {expected} is {chip.build_id:016x}; try: "
            f"captwin load {expected} --port {device.port}"
        )
    raise CaptwinError(f"{device.port}: holds chip {device.build_id:016x}, unknown here; name its file with --chip")


def _rows(batch: Batch, labels: np.ndarray, wrong: int, baud: float | None) -> list[Row]:
    """What the batch has to tell; of the line at ``baud`` only if that is given."""
    numbers, cycles = batch.numbers_traced, batch.mean_cycles
    return [
        count("images", "images", len(batch.answers)),
        share("accuracy", "accuracy", batch.accuracy(labels)),
        Row("traced", numbers, "sums, drives, membranes, spikes" * bool(batch.traces), f"{numbers:,} compared"),
        count("mismatches", "mismatches", wrong),
        Row("cycles", cycles, "first pixel to result", f"{cycles:,.0f} cycles (mean)"),
        *(_line_rows(batch, baud) if baud else []),
        Row("images_per_s", batch.images_per_s, "by ours", f"{batch.images_per_s:,.1f} images/s"),
    ]


def _line_rows(batch: Batch, baud: float) -> list[Row]:
    """Images a second, from the first answer to the last; and if nothing but the line took time."""
    rate, limit = batch.device_rate, batch.line_limit
    return [
        Row("line_images_per_s", rate, "by the device's clock" * bool(rate), f"{rate or 0:,.1f} images/s"),
        Row("line_limit_per_s", limit, f"at most, at {baud:,} baud", f"{limit:,.1f} images/s"),
    ]
