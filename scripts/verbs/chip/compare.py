"""``captwin compare``: two chips side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from captwin.boards.board import Board
from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.sizing.fit import core_words, size_core
from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.scripts.labels import resource_labels
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, log, note, show
from captwin.sim import energy
from captwin.sim.plots.sheet import draw_sheet
from captwin.sim.plots.style import png_target, save_png, style
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset
from captwin.train.studies.comparison import Comparison, check_comparable, compare_chips
from captwin.train.zoo import chip_data, chip_dataset, chip_name, load_chip

#: numbers of images that people are shown, and images on a sheet
LISTED, SHEET = 20, 64


def compare(
    first: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    second: Annotated[str, typer.Argument(help="The chip to compare it with.")],
    data: Annotated[str | None, typer.Option(help="Data set [default: the one both were trained on].")] = None,
    board: Annotated[str | None, typer.Option(help=f"Estimate their cores on {', '.join(BOARDS)}.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="PNG file for the images that they answer differently.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare two chips: accuracy, energy, size, and which test images they answer differently."""
    target = find_board(board) if board else None
    chips = load_chip(first), load_chip(second)
    check_comparable(*chips)
    if sheet is not None:
        png_target(sheet)
    dataset = load_dataset(data) if data else _common_data(first, second, *chips)
    result = compare_chips(*chips, dataset)
    if sheet is not None:
        with style():
            save_png(_sheet(result, dataset, chips[0].image), sheet)
    rows = [
        note("first", "first", first),
        note("second", "second", second),
        note("data", "data", f"{dataset.name}, test set"),
        count("images", "images", len(result.truth)),
        *_accuracy_rows(result),
        *_chip_rows(chips),
        *_energy_rows(chips, dataset.test_images),
        *(_board_rows(chips, target) if target else []),
        *_differing_rows(result),
        file("sheet", "sheet of them", sheet),
    ]
    show(rows, f"{chip_name(first)} and {chip_name(second)}", as_json)


def _common_data(first: str, second: str, *chips: Chip) -> Dataset:
    """The data set that both were trained on."""
    names = [chip_data(chip) for chip in chips]
    if names[0] != names[1]:
        raise CaptwinError(
            f"compare: {first} was trained on {printable(names[0])}, {second} on {printable(names[1])}; name one with "
            "--data"
        )
    chip_dataset(chips[1])  # of that name, but perhaps with other images
    return chip_dataset(chips[0])


def _pair(key: str, label: str, values: Sequence[Any], text: Callable[[Any], str]) -> Row:
    """A row for one figure of each chip."""
    return Row(key, list(values), label, " | ".join(map(text, values)))


def _accuracy_rows(result: Comparison) -> list[Row]:
    accuracies = result.accuracies
    points = 100 * (accuracies[1] - accuracies[0])
    odds = f"p = {result.chance:.3g} (McNemar, exact)"
    verdict = "may well be chance" if result.chance > 0.05 else "is hardly chance"
    if result.only_first == result.only_second:
        verdict = "neither is better"
    return [
        _pair("golden_accuracy", "golden accuracy", accuracies, lambda share: f"{100 * share:.2f} %"),
        Row("points", points, "second less first", f"{points:+.2f} points, {odds}: {verdict}"),
        Row("mcnemar_p", result.chance, "", ""),
        count("both_right", "both are right", result.both),
        count("only_first_right", "only the first", result.only_first),
        count("only_second_right", "only the second", result.only_second),
        count("neither_right", "neither", result.neither),
    ]


def _chip_rows(chips: Sequence[Chip]) -> list[Row]:
    formats = [vars(chip.formats) for chip in chips]
    return [
        _pair("sizes", "network", [list(chip.sizes) for chip in chips], lambda sizes: "-".join(map(str, sizes))),
        _pair(
            "synapses", "synapses", [sum(layer.charges.size for layer in chip.layers) for chip in chips], "{:,}".format
        ),
        _pair("encoder", "encoder", [f"{chip.encoder.kind}, {chip.encoder.steps} steps" for chip in chips], str),
        _pair("readout", "readout", [chip.readout for chip in chips], lambda name: name.replace("_", " ")),
        _pair(
            "formats",
            "charge, drive, membrane [bit]",
            [dict(widths) for widths in formats],
            lambda widths: ", ".join(str(widths[f"{name}_bits"]) for name in ("charge", "drive", "membrane")),
        ),
        _pair("circuit", "circuit", [chip.analog.circuit for chip in chips], str),
        _pair("build_id", "build id", [f"{chip.build_id:016x}" for chip in chips], str),
    ]


def _energy_rows(chips: Sequence[Chip], pixels: np.ndarray) -> list[Row]:
    joules: list[float | None] = []
    for chip in chips:
        try:
            with log.status("energy"):
                joules.append(float(energy.measure(chip, pixels).total.mean()))
        except energy.EnergyError:
            joules.append(None)
    row = _pair(
        "energy_j", "energy an inference", joules, lambda value: "unknown" if value is None else energy_text(value)
    )
    first, second = joules
    if not first or second is None:
        return [row]
    return [row, Row("energy_ratio", second / first, "second over first", f"{second / first:.3f}")]


def _board_rows(chips: Sequence[Chip], board: Board) -> list[Row]:
    """The cores that the chips would get on ``board``, by the area model."""
    with log.status(f"area on {board.title}"):
        cores = [size_core(chip, board) for chip in chips]
        fits = [not core.lacking for core in cores]
    labels = resource_labels(board.family)
    return [
        note("board", "board", board.title),
        _pair("core", "core", [core_words(core.options) for core in cores], str),
        _pair("fits", "fits, by estimate", fits, lambda fit: "yes" if fit else "no"),
        *(
            _pair(
                names[0],
                f"{label}, of {getattr(board.limits, names[0]):,}",
                [getattr(core.area, names[0]) for core in cores],
                "{:,}".format,
            )
            for label, names in labels.items()
        ),
    ]


def _differing_rows(result: Comparison) -> list[Row]:
    numbers = result.differing
    images = [
        {
            "image": int(n),
            "truth": int(result.truth[n]),
            "first": int(result.first[n]),
            "second": int(result.second[n]),
        }
        for n in numbers
    ]
    shown = ", ".join(
        f"{image['image']} ({image['truth']}: {image['first']}/{image['second']})" for image in images[:LISTED]
    )
    rest = f" and {len(images) - LISTED:,} more (--json has all)" if len(images) > LISTED else ""
    return [
        count("differing", "answered differently", len(images)),
        Row("differing_images", images, "image (truth: first/second)" * bool(images), shown + rest),
    ]


def _sheet(result: Comparison, dataset: Dataset, shape: tuple[int, int]) -> Any:
    numbers = result.differing[:SHEET]
    captions = [f"{n}: is {result.truth[n]},\n{result.first[n]} / {result.second[n]}" for n in numbers]
    title = f"{len(result.differing):,} images answered differently (first / second chip); 255 in black"
    title += f", the first {SHEET}" * (len(result.differing) > SHEET)
    return draw_sheet(dataset.test_images[numbers], shape, captions, title)
