"""The options by which verbs take Verilog from outside."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.terminal.output import Row
from captwin.sim.rtl.design import Design, given_design

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


def untraced(compared: dict[str, int]) -> list[Row]:
    """A row that says so if the gates had no traces, ``compared`` being the numbers of which there were any."""
    if any(compared.values()):
        return []
    text = "answers, counters and build id alone: this Verilog has no traces (captwin verilog --trace)"
    return [Row("", None, "compared", text)]
