"""``captwin verilog``: a chip as Verilog."""

from pathlib import Path
from typing import Annotated

import typer

from hw.core import Core
from hw.support.errors import CaptwinError
from hw.verilog import AXI_TOP, TOP, write_verilog
from scripts.activity import warn
from scripts.hardware import BanksOption, LanesOption, PixelLanesOption, SerialOption, core_options
from scripts.output import JsonFlag, file, note, show
from train.zoo import chip_warnings, load_chip


def verilog(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The Verilog file to write.")] = Path("core.v"),
    pixel_lanes: PixelLanesOption = None,
    row_banks: BanksOption = None,
    lanes: LanesOption = None,
    serial: SerialOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Add a stream a layer with all that its neurons do.")] = False,
    loadable: Annotated[bool, typer.Option("--loadable", help="Add a port to load other chips.")] = False,
    axi_stream: Annotated[
        bool, typer.Option("--axi-stream", help="Give the core AXI4-Stream ports in place of its own.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a chip as one Verilog file, and a JSON sidecar that describes its ports."""
    if axi_stream and trace:
        raise CaptwinError("--trace: a core with AXI4-Stream ports has none for traces; leave one of the two out")
    if axi_stream and loadable:
        raise CaptwinError("--loadable: a core with AXI4-Stream ports has none to load chips; leave one of the two out")
    options = core_options(pixel_lanes, row_banks, lanes, trace=trace, loadable=loadable, serial=serial)
    core = Core(load_chip(chip), options)
    warn(chip_warnings(core.chip))
    sidecar = write_verilog(core, output, axi_stream=axi_stream)
    show(
        [
            file("verilog", "Verilog", output),
            file("sidecar", "ports", sidecar),
            note("build_id", "build id", f"{core.chip.build_id:016x}"),
            note("layers", "layers", "-".join(str(size) for size in core.chip.sizes)),
        ],
        AXI_TOP if axi_stream else TOP,
        as_json,
    )
