"""The options that say how much hardware a core may spend."""

from typing import Annotated

import typer

from hw.core import CoreOptions

PixelLanesOption = Annotated[int | None, typer.Option(help="Pixels encoded a cycle (power of two).")]
BanksOption = Annotated[int | None, typer.Option(help="Row events a cycle in each crossbar (power of two).")]
LanesOption = Annotated[int | None, typer.Option(help="Neurons updated a cycle in each layer (power of two).")]


def core_options(pixel_lanes: int | None, row_banks: int | None, lanes: int | None, *, trace: bool) -> CoreOptions:
    """:class:`CoreOptions` with its own defaults where nothing was said."""
    said = {"pixel_lanes": pixel_lanes, "row_banks": row_banks, "lanes": lanes}
    return CoreOptions(**{name: value for name, value in said.items() if value is not None}, trace=trace)
