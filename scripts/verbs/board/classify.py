"""``captwin classify``: pictures of one's own through a chip."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.table import Table
from rich.text import Text

from captwin.boards.host.answer import Answer
from captwin.boards.host.discovery import AUTO
from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import visible
from captwin.scripts.agreement import mismatches
from captwin.scripts.options import VIRTUAL, BaudOption
from captwin.scripts.terminal.output import JsonFlag, Row, file, log, note, print_table, show
from captwin.scripts.verbs.board.infer import chip_in, connected
from captwin.sim import golden
from captwin.sim.plots.chips.inference import draw_inference
from captwin.sim.plots.sheet import draw_sheet
from captwin.sim.plots.style import png_target, save_png, style
from captwin.train.datasets.pictures import METHOD, Picture, read_picture
from captwin.train.zoo import load_chip

#: pictures on a sheet
SHEET = 64


def classify(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, BMP, GIF, WebP or PPM.")],
    invert: Annotated[bool, typer.Option("--invert", help="They are dark strokes on bright ground.")] = False,
    save: Annotated[Path | None, typer.Option(help="PNG file for what the chip saw.")] = None,
    port: Annotated[
        str | None, typer.Option(help=f"Ask a board too: its serial port, `{AUTO}`, or `{VIRTUAL}` for none.")
    ] = None,
    baud: BaudOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Classify pictures of your own with the golden model, and with a board if there is one.

    The chips were trained on bright strokes on dark ground; --invert takes pictures the other way round.
    """
    loaded = load_chip(chip)
    if save is not None:
        png_target(save)
    seen = [read_picture(path, loaded.image, invert=invert) for path in pictures]
    pixels = np.stack([picture.pixels for picture in seen])
    outcome = golden.run(loaded, pixels)
    answers = _ask(port, baud, chip, pixels) if port else []
    wrong = mismatches(answers, outcome)
    if save is not None:
        with style():
            save_png(_drawn(loaded, seen, outcome), save)
    facts = [_facts(loaded, picture, outcome, n) for n, picture in enumerate(seen)]
    for picture in seen:
        for warning in picture.warnings:
            log.print(f"captwin: {visible(picture.name)}: {warning}")
    rows = [
        note("chip", "chip", chip),
        note("asked", "asked", "golden model" + f", and the board on {port}" * bool(port)),
        Row("pictures", facts, "", ""),
        *(_rows(facts[0]) if len(facts) == 1 else []),
        Row("method", METHOD, "made to fit" * any(each.size != loaded.image for each in seen), METHOD),
        Row("mismatches", len(wrong), "board and model differ" * bool(answers), f"in {len(wrong)} of {len(answers)}"),
        file("saved", "what the chip saw", save),
    ]
    show(rows, "Classified", as_json)
    if len(facts) > 1 and not as_json:
        _print(facts)
    if wrong:
        first = wrong[0]
        raise CaptwinError(
            f"{port}: {visible(seen[first].name)}: the board answers {answers[first].label}, the model otherwise"
        )


def _ask(port: str, baud: int | None, chip: str, pixels: np.ndarray) -> list[Answer]:
    with connected(port, baud, None, load_chip(chip)) as device:
        chip_in(device, chip)
        return list(device.infer(pixels))


def _facts(chip: Chip, picture: Picture, outcome: golden.Inference, number: int) -> dict[str, Any]:
    """What is known of a picture, for machines; membranes in V."""
    counts, codes = outcome.counts[number], outcome.membranes[number]
    volts = chip.layers[-1].scale.membranes(chip.formats).volts(codes)
    # Ranked as the readout does: spikes, then membranes.
    order = np.argsort(-(counts.astype(np.int64) * (chip.formats.membrane_max + 1) + codes), kind="stable")
    label = int(outcome.labels[number])
    second = next((int(index) for index in order if index != label), None)
    return {
        "picture": picture.name,
        "height": picture.size[0],
        "width": picture.size[1],
        "class": label,
        "second": second,
        "margin_spikes": None if second is None else int(counts[label] - counts[second]),
        "counts": counts.tolist(),
        "membranes_v": volts.tolist(),
        "steps": int(outcome.steps[number]),
        "warnings": list(picture.warnings),
    }


def _second(facts: dict[str, Any]) -> str:
    if facts["second"] is None:
        return "none"
    spikes = facts["counts"][facts["second"]]
    tie = "" if facts["margin_spikes"] else ", decided by the membranes"
    return f"{facts['second']}, {_spikes(spikes)}{tie}"


def _spikes(number: int) -> str:
    return f"{number} spike{'s' * (number != 1)}"


def _rows(facts: dict[str, Any]) -> list[Row]:
    volts = facts["membranes_v"]
    return [
        Row("", None, "picture", f"{visible(facts['picture'])}, {facts['height']} x {facts['width']} pixels"),
        Row("", None, "class", f"{facts['class']}, {_spikes(facts['counts'][facts['class']])}"),
        Row("", None, "next", _second(facts)),
        Row("", None, "time steps", str(facts["steps"])),
        Row("", None, "spikes by class", "  ".join(f"{n}: {spikes}" for n, spikes in enumerate(facts["counts"]))),
        Row("", None, "membranes by class [V]", "  ".join(f"{n}: {v:.3f}" for n, v in enumerate(volts))),
    ]


def _print(facts: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for head in ("picture", "class", "spikes", "next", "time steps"):
        table.add_column(head, justify="left" if head in ("picture", "next") else "right")
    for each in facts:
        numbers = str(each["class"]), str(each["counts"][each["class"]]), _second(each), str(each["steps"])
        table.add_row(Text(visible(each["picture"])), *map(Text, numbers))
    print_table(table)


def _drawn(chip: Chip, seen: list[Picture], outcome: golden.Inference) -> Any:
    if len(seen) == 1:
        return draw_inference(chip, seen[0].pixels)
    shown = seen[:SHEET]
    captions = [f"{_short(picture.name)}: {outcome.labels[n]}" for n, picture in enumerate(shown)]
    title = "What the chip saw, 255 in black" + f", the first {SHEET} of {len(seen)}" * (len(seen) > SHEET)
    return draw_sheet(np.stack([picture.pixels for picture in shown]), chip.image, captions, title)


def _short(name: str) -> str:
    name = visible(Path(name).name)
    return name if len(name) <= 14 else f"{name[:11]}..."
