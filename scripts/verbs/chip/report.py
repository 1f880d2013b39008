"""``captwin report``: all about a build on one page."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flow.built import read_built
from captwin.hw.chip import Chip
from captwin.hw.support.files import file_target, write_atomically
from captwin.scripts.options import BuildOption, build_folder
from captwin.scripts.page.measured import Measured
from captwin.scripts.page.page import page
from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, log, note, share, show
from captwin.scripts.verbs.gates.verify import run_compiled
from captwin.sim import energy, golden
from captwin.train.zoo import chip_dataset, load_chip


def report(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")],
    images: Annotated[
        int | None, typer.Option(min=1, help="Test images to run through the compiled gates [default: all].")
    ] = None,
    build: BuildOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page [default: report.html in the build's folder].")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Data set; by default the one the chip was trained on.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a page about a chip's build: accuracy, speed, timing, neurons, energy, provenance; one file of HTML."""
    measured, target = measure(chip, board, images, build, output, data)
    write_atomically(target, page(measured))
    show(report_rows(measured, target), f"Report on {chip} for {measured.built.board.title}", as_json)
    if measured.gates.first_divergence:
        log.print(f"captwin: first divergence: {measured.gates.first_divergence}")
        raise typer.Exit(1)


def measure(
    name: str, board: str, images: int | None, folder: Path | None, output: Path | None, data: str | None
) -> tuple[Measured, Path]:
    """Everything for the page, and where it goes; what the user may have got wrong is found out first."""
    target, chip = find_board(board), load_chip(name)
    built = read_built(folder or build_folder(name, board), target, chip, name=name)
    path = built.slowest_path()
    page_file = output or built.folder / "report.html"
    file_target(page_file)
    dataset = chip_dataset(chip, data)
    pixels, _ = dataset.some(images)
    _, gates = run_compiled(chip, built.manifest.options, pixels)
    with log.status("golden model and energy"):
        outcome = golden.run(chip, dataset.test_images)
        joules = _energy(chip, dataset.test_images)
    return Measured(name, chip, dataset, built, path, outcome, gates, joules), page_file


def _energy(chip: Chip, pixels: np.ndarray) -> energy.EnergyReport | str:
    try:
        return energy.measure(chip, pixels)
    except energy.EnergyError as error:
        return str(error)


def report_rows(measured: Measured, page_file: Path) -> list[Row]:
    """The figures at the head of the page."""
    gates, clock_hz = measured.gates, measured.clock_hz
    rate, latency = gates.images_per_s(clock_hz), gates.latency_s(clock_hz)
    manifest = measured.built.manifest
    joules = None if isinstance(measured.energy, str) else float(measured.energy.total.mean())
    return [
        note("chip", "chip", measured.name),
        note("board", "board", measured.built.board.name),
        share("golden_accuracy", "golden accuracy", measured.accuracy),
        count("images", "images through the gates", gates.images),
        count("mismatches", "mismatches", gates.mismatches),
        Row("images_per_s", rate, "throughput", f"{rate:,.0f} images/s" if rate else "too few images to tell"),
        Row("latency_s", list(latency), "latency, median", f"{1e6 * latency[1]:.2f} us"),
        Row("clock_hz", clock_hz, "clock", f"{clock_hz / 1e6:g} MHz"),
        Row(
            "reached_hz",
            manifest.reached_hz,
            "place and route reached",
            f"{manifest.reached_hz / 1e6:.1f} MHz, {100 * measured.reserve:.1f} % in reserve",
        ),
        Row("energy_j", joules, "energy" * (joules is not None), f"{energy_text(joules or 0)} an inference"),
        file("page", "page", page_file),
    ]
