"""``captwin verilog``: a chip as Verilog, and what goes with it into somebody's design."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.hw.chip import PIXEL_MAX, Chip
from captwin.hw.export.companions import constraints, fusesoc, instance
from captwin.hw.export.sidecar import Sidecar
from captwin.hw.gates.core import Core
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.hw.support.names import check_name
from captwin.hw.verilog import write_verilog
from captwin.scripts.activity import warn
from captwin.scripts.options import BanksOption, LanesOption, PixelLanesOption, SerialOption, core_options
from captwin.scripts.output import JsonFlag, Row, file, note, show
from captwin.sim.rtl.simulate import CLOCK_HZ
from captwin.sim.rtl.testbench.plain import checking_testbench
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import chip_warnings, load_chip

#: what can be written beside the Verilog, and what is added to its name
KINDS = {"instance": ("_instance.vh",), "testbench": ("_tb.v",), "constraints": (".sdc", ".xdc"), "fusesoc": (".core",)}
ALL = "all"
#: what a FuseSoC description names must be there
NEEDS = {"fusesoc": ("testbench", "constraints")}


def verilog(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Verilog file to write.")] = Path("core.v"),
    top: Annotated[
        str | None, typer.Option(help="Name of the top module, with which all others' begin [default: captwin_core].")
    ] = None,
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    serial: SerialOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Add a stream a layer with all that its neurons do.")] = False,
    loadable: Annotated[bool, typer.Option("--loadable", help="Add a port to load other chips.")] = False,
    axi_stream: Annotated[
        bool,
        typer.Option(
            "--axi-stream", help="Give the core AXI4-Stream ports in place of its own; not with --trace or --loadable."
        ),
    ] = False,
    no_initial: Annotated[
        bool, typer.Option("--no-initial", help="No values of registers before reset, for FPGAs that have none.")
    ] = False,
    companions: Annotated[
        str,
        typer.Option("--with", help=f"What to write beside it, with commas between: {', '.join(KINDS)}, or {ALL}."),
    ] = "",
    images: Annotated[int, typer.Option(min=1, max=1000, help="Images in the testbench.")] = 3,
    data: Annotated[
        str | None, typer.Option(help="Data set whose first test images these are [default: random pixels].")
    ] = None,
    clock: Annotated[float, typer.Option(min=1, max=1_000, help="Clock of the constraints in MHz.")] = CLOCK_HZ / 1e6,
    force: Annotated[bool, typer.Option("--force", help="Replace files that captwin did not write.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a chip as one Verilog file, and a JSON sidecar that describes its ports."""
    file_target(output)
    wanted = _wanted(companions)
    if wanted:
        check_name(output.name, "--output")  # stands in the files beside it
    if axi_stream:
        _check_axi_stream(trace, loadable)
    options = core_options(pixel_lanes, row_banks, lanes, trace=trace, loadable=loadable, serial=serial)
    loaded = load_chip(chip)
    warn(chip_warnings(loaded))
    core = Core(loaded, options)

    def beside(sidecar: Sidecar) -> dict[Path, str]:
        pixels, about = _images(loaded, images, data)
        return _companions(wanted, loaded, sidecar, output, pixels, about, clock * 1e6)

    written = write_verilog(
        core, output, axi_stream=axi_stream, top=top, initial=not no_initial, companions=beside, force=force
    )
    show(
        [
            file("verilog", "Verilog", output),
            file("sidecar", "ports", written.sidecar),
            *(_beside_row(path, path.name.removeprefix(output.stem)) for path in written.companions),
            note("build_id", "build id", f"{core.chip.build_id:016x}"),
            note("layers", "layers", "-".join(str(size) for size in core.chip.sizes)),
        ],
        written.ports.top,
        as_json,
    )


def _check_axi_stream(trace: bool, loadable: bool) -> None:
    if trace:
        raise CaptwinError("--trace: a core with AXI4-Stream ports has none for traces; leave one of the two out")
    if loadable:
        raise CaptwinError("--loadable: a core with AXI4-Stream ports has none to load chips; leave one of the two out")


def _beside_row(path: Path, ending: str) -> Row:
    kind = next(kind for kind, endings in KINDS.items() if ending in endings)
    return file(ending.strip("_."), kind, path)


def _wanted(companions: str) -> set[str]:
    words = {word.strip() for word in companions.split(",")} - {""}
    if unknown := sorted(words - {*KINDS, ALL}):
        raise CaptwinError(f"--with: there are {', '.join(KINDS)} and {ALL}, no {unknown[0]!r}")
    words = set(KINDS) if ALL in words else words
    return words.union(*(NEEDS.get(word, ()) for word in words))


def _images(chip: Chip, count: int, data: str | None) -> tuple[np.ndarray, str]:
    """Images for the testbench, and what they are."""
    if data:
        dataset = load_dataset(data)
        pixels, _ = dataset.some(count)
        return pixels, f"the first of the test set of {dataset.name}"
    dice = np.random.default_rng(0)
    # Pixels of one brightness for a whole image and of random ones around it: few and many spikes.
    levels = dice.integers(0, PIXEL_MAX + 1, (count, 1))
    pixels = dice.integers(0, PIXEL_MAX + 1, (count, chip.pixels))
    return np.minimum(pixels, levels).astype(np.uint8), "random pixels"


def _companions(
    wanted: set[str], chip: Chip, sidecar: Sidecar, output: Path, pixels: np.ndarray, about: str, clock_hz: float
) -> dict[Path, str]:
    """The texts beside the Verilog, by their paths."""
    paths = {kind: [output.with_name(output.stem + ending) for ending in endings] for kind, endings in KINDS.items()}
    (bench,), (sdc, xdc) = paths["testbench"], paths["constraints"]
    texts = {}
    if "instance" in wanted:
        texts[paths["instance"][0]] = instance(sidecar)
    if "testbench" in wanted:
        texts[bench] = checking_testbench(chip, sidecar, pixels, output.name, bench.name, about)
    if "constraints" in wanted:
        texts |= {path: constraints(sidecar, clock_hz) for path in (sdc, xdc)}
    if "fusesoc" in wanted:
        texts[paths["fusesoc"][0]] = fusesoc(sidecar, output.name, bench.name, sdc.name, xdc.name)
    return texts
