"""The options that say how much hardware a core may spend, and where its build lies."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.real_time.encoder import full_rate_lanes
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.chip_folders import chip_folder

PixelLanesOption = Annotated[int | None, typer.Option(help="Pixels encoded a cycle (power of two).")]
BanksOption = Annotated[
    str | None, typer.Option(help="Row events a cycle in each crossbar: a power of two, or one for each layer: 4,1.")
]
LanesOption = Annotated[
    str | None, typer.Option(help="Neurons updated a cycle: a power of two, or one for each layer: 8,1.")
]
LoadableOption = Annotated[
    bool | None,
    typer.Option(
        "--loadable/--fixed",
        help="Whether chips can be loaded at run time [default: as the board has it; without one, fixed].",
    ),
]
SerialOption = Annotated[
    bool | None,
    typer.Option(
        "--serial/--parallel",
        help="The smallest core: one weight and one neuron after the other [default: only if a board needs it].",
    ),
]
ChangeEventsOption = Annotated[
    bool | None,
    typer.Option(
        "--change-events/--all-events",
        help="Whether crossbars keep their sums from step to step and take only spikes that change [default: all].",
    ),
]

RealTimeOption = Annotated[
    bool | None,
    typer.Option(
        "--real-time",
        help="A core in which every clock cycle is a time step, for a chip that was trained for it.",
    ),
]

PdkOption = Annotated[
    str | None,
    typer.Option(
        help="The foundry's PDK whose devices the netlist uses; see captwin pdk [default: a netlist of ours knows]."
    ),
]

#: in place of a serial port: a virtual board
VIRTUAL = "virtual"
BaudOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Baud rate of the serial line [default: those that boards have, in turn; virtual boards: 12500000]."
    ),
]

BuildOption = Annotated[Path | None, typer.Option("--build", help="The build's folder [default: build/CHIP-BOARD].")]


def build_folder(chip: str, board: str) -> Path:
    """Where ``captwin build`` puts the bitstream of a chip unless told otherwise."""
    return chip_folder(chip, board)


def core_options(
    pixel_lanes: int | None,
    row_banks: str | None,
    lanes: str | None,
    *,
    trace: bool | None = None,
    loadable: bool | None = None,
    serial: bool | None = None,
    change_events: bool | None = None,
    real_time: bool | None = None,
    chip: Chip | None = None,
    default: CoreOptions = CoreOptions(),  # noqa: B008 (frozen)
) -> CoreOptions:
    """``default``, with what is given, that is not None, in its place; ``chip`` says how many pixels a cycle are needed
    in real time."""
    banks, neurons = _numbers("row-banks", row_banks), _numbers("lanes", lanes)
    if serial is not None and real_time:
        raise CaptwinError("--real-time: a core has one kind of layers; leave --serial or --parallel out")
    if serial is not None:
        default = default.of_kind("serial" if serial else "parallel")
    elif real_time:
        default = default.of_kind("real_time")
        pixel_lanes = pixel_lanes or (full_rate_lanes(chip) if chip else None)
    elif banks or neurons or change_events:  # which parallel layers alone have
        default = default.of_kind("parallel")
    given: dict[str, Any] = {"pixel_lanes": pixel_lanes, "row_banks": banks, "lanes": neurons}
    given |= {"trace": trace, "loadable": loadable, "change_events": change_events}
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def _numbers(option: str, given: str | None) -> int | tuple[int, ...] | None:
    if given is None:
        return None
    try:
        numbers = tuple(int(part) for part in given.split(","))
    except ValueError:
        raise CaptwinError(f"--{option}: must be a number, or numbers with commas between, got {given}") from None
    return numbers if len(numbers) > 1 else numbers[0]
