"""``captwin infer``: images through a board, or a virtual one, every answer compared with the golden model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from rich.text import Text

from captwin.boards.host.answer import Answer
from captwin.boards.host.device import Device
from captwin.boards.host.discovery import AUTO, open_device
from captwin.boards.host.trace import LayerTrace
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.agreement import mismatches
from captwin.scripts.options import VIRTUAL, BaudOption
from captwin.scripts.output import JsonFlag, Row, count, log, note, progress_bar, share, show
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
    with connected(port, baud, record, load_chip(chip) if chip else None) as device:
        name, loaded = chip_in(device, chip)
        dataset = chip_dataset(loaded, data)
        pixels, labels = dataset.some(images, first=first)
        expected = golden.run(loaded, pixels, trace=trace)
        answers: list[Answer] = []
        traces: list[tuple[LayerTrace, ...]] = []
        start, before = perf_counter(), device.sent
        with progress_bar() as bar:
            task = bar.add_task("images answered", total=len(pixels))
            if trace:
                for image in pixels:
                    answer, layers = device.trace(image)
                    answers.append(answer)
                    traces.append(layers)
                    bar.advance(task)
            else:
                for answer in device.infer(pixels):
                    answers.append(answer)
                    bar.advance(task)
        seconds, sent = perf_counter() - start, device.sent - before
    wrong = mismatches(answers, expected, traces)
    right = float(np.mean([answer.label == label for answer, label in zip(answers, labels, strict=True)]))
    cycles = [answer.cycles for answer in answers]
    numbers = sum(array.size for layers in traces for layer in layers for array in vars(layer).values())
    show(
        [
            note("port", "port", port),
            note("chip", "chip", name),
            note("data", "data", f"{dataset.name}, test set"),
            count("images", "images", len(answers)),
            share("accuracy", "accuracy", right),
            Row("traced", numbers, "sums, drives, membranes, spikes" * trace, f"{numbers:,} compared"),
            count("mismatches", "mismatches", len(wrong)),
            Row("cycles", float(np.mean(cycles)), "first pixel to result", f"{np.mean(cycles):,.0f} cycles (mean)"),
            *([] if trace else _line_rows(device, answers, sent)),
            Row("images_per_s", len(answers) / seconds, "by ours", f"{len(answers) / seconds:,.1f} images/s"),
        ],
        "Board against golden model",
        as_json,
    )
    if wrong:
        log.print(f"captwin: first mismatch: image {first + wrong[0]}: got {answers[wrong[0]]}")
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


def chip_in(device: Device, said: str | None) -> tuple[str, Chip]:
    """The chip in the device, which must be the one that was said."""
    device.require_chip(said or "CHIP")
    candidates = [said] if said else names()
    for name in candidates:
        chip = load_chip(name)
        if chip.build_id == device.build_id:
            return name, chip
    if said:
        raise CaptwinError(
            f"{device.port}: holds chip {device.build_id:016x}, {said} is {chip.build_id:016x}; try: "
            f"captwin load {said} --port {device.port}"
        )
    raise CaptwinError(f"{device.port}: holds chip {device.build_id:016x}, unknown here; name its file with --chip")


def _line_rows(device: Device, answers: list[Answer], sent: int) -> list[Row]:
    """Images a second, from the first answer to the last; and if nothing but the line took time."""
    limit = device.about.baud / (10 * sent / len(answers))
    elapsed = answers[-1].counters.cycles - answers[0].counters.cycles & 0xFFFFFFFF
    rate = (len(answers) - 1) * device.about.clock_hz / elapsed if elapsed else None
    return [
        Row("line_images_per_s", rate, "by the device's clock" * bool(rate), f"{rate or 0:,.1f} images/s"),
        Row("line_limit_per_s", limit, f"at most, at {device.about.baud:,} baud", f"{limit:,.1f} images/s"),
    ]
