"""What the build was made of, and how to make it again."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from captwin.boards.sizing.fit import core_words
from captwin.scripts.page.blocks import Commands, Facts, Note, Section
from captwin.scripts.page.measured import Measured


def section(measured: Measured) -> Section:
    """Hashes, versions, seeds, options, and the commands."""
    manifest, chip, board = measured.built.manifest, measured.chip, measured.built.board
    options = manifest.options
    banks, lanes = (options.each(name, len(chip.layers)) for name in ("row_banks", "lanes"))
    build = [
        ("build id", manifest.build_id),
        ("board", f"{board.name}: " + ", ".join(f"{name} {value}" for name, value in board.part.items())),
        ("clock constraint", f"{manifest.clock_hz / 1e6:.6g} MHz, from the board's PLL"),
        ("seeds placed", ", ".join(map(str, sorted(manifest.reached_hz_by_seed)))),
        ("seed kept", str(manifest.seed)),
        ("pixel lanes", str(options.pixel_lanes)),
        ("row banks, by layer", ", ".join(map(str, banks))),
        ("lanes, by layer", ", ".join(map(str, lanes))),
        ("chips can be loaded", "yes" if options.loadable else "no"),
        ("serial", "yes" if options.serial else "no"),
        ("hosts see all that the layers do", "yes" if options.trace else "no"),
        *((f"version of {name}", number) for name, number in manifest.versions.items()),
        *((f"SHA-256 of the {name}", digest) for name, digest in vars(manifest.sha256).items()),
    ]
    formats = chip.formats
    made = [
        ("network", "-".join(map(str, chip.sizes)) + f", {chip.encoder.kind} code, {chip.encoder.steps} time steps"),
        ("readout", chip.readout),
        (
            "widths [bit]",
            f"charge {formats.charge_bits}, drive {formats.drive_bits}, membrane {formats.membrane_bits}",
        ),
        ("data", f"{measured.dataset.name}, SHA-256 {measured.dataset.sha256}"),
        ("circuit", f"{chip.analog.circuit}, {chip.analog.corner}, {chip.analog.temperature:g} °C"),
        ("SHA-256 of the neuron table", chip.analog.table_sha256),
    ]
    lead = "The same inputs and tools give the same bitstream, byte for byte, and the same build gives the same page."
    return Section(
        "provenance",
        "Provenance",
        lead,
        [
            Commands(commands(measured)),
            Note("The build, from its manifest:"),
            Facts(build),
            Note("The chip, from its file:"),
            Facts(made),
            Note("Its training, from its file:"),
            Facts(list(_flat("", chip.provenance)), dense=True),
        ],
    )


def commands(measured: Measured) -> list[str]:
    """Command lines that make the build and the page's numbers again."""
    manifest, name, board = measured.built.manifest, measured.name, measured.built.board
    options = measured.built.manifest.options
    size, traced = core_words(replace(options, trace=False)).split(), ["--trace"] * options.trace
    usual_hz = board.family.pll(board.platform().default_clk_frequency, board.clock_hz).output_hz
    clock = [] if manifest.clock_hz == usual_hz else ["--clock", f"{manifest.clock_hz / 1e6:.9g}"]
    folder = ["-o", str(measured.built.folder)]
    # A native tool's version is what it says of itself; PyPI's begins with its package.
    packages = board.family.packages
    native = ["--native"] * (not all(any(v.startswith(p) for p in packages) for v in _tools(manifest.versions)))
    seeds = ["--seeds", str(len(manifest.reached_hz_by_seed))]
    images = (
        [] if measured.gates.images == len(measured.dataset.test_images) else ["--images", str(measured.gates.images)]
    )
    lines = [
        ["captwin", "build", name, "--board", board.name, *seeds, *clock, *size, *traced, *native, *folder],
        ["captwin", "evaluate", name],
        ["captwin", "verify", name, "--board", board.name, *size, *images],
        ["captwin", "report", name, "--board", board.name, "--build", str(measured.built.folder), *images],
    ]
    return [shlex.join(line) for line in lines]


def _tools(versions: dict[str, str]) -> list[str]:
    return [number for name, number in versions.items() if name not in ("captwin", "amaranth")]


def _flat(prefix: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(dotted name, value) of nested JSON objects."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)
