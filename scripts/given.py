"""The options by which verbs take Verilog from outside."""

from pathlib import Path
from typing import Annotated

import typer

from hw.chip import Chip
from hw.core import CoreOptions
from hw.support.errors import CaptwinError
from sim.rtl.design import Design, given_design

VerilogOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Run this Verilog in place of the chip's own; again for each further file, such as models of a "
        "netlist's cells. Simulating a file runs what is in it."
    ),
]
SidecarOption = Annotated[
    Path | None,
    typer.Option(help="The JSON file that captwin wrote with that Verilog [default: the one beside it, if any]."),
]


def given_verilog(verilog: list[Path] | None, sidecar: Path | None, chip: Chip, options: CoreOptions) -> Design | None:
    """The Verilog that the options name, if they do; ``options`` are those of a core without a sidecar."""
    if verilog:
        return given_design(verilog, sidecar, chip, options)
    if sidecar:
        raise CaptwinError("--sidecar: describes the file of --verilog; give that too")
    return None
