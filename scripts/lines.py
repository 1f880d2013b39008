"""Whose metal a chip's lines are, and what verbs say of a chip whose columns have no room for theirs."""

import math
from pathlib import Path

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.crossbar import Crossbar, crossbar_of, missing_room
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.spice.benches.bench import find_devices, find_netlist
from captwin.sim.spice.source import read_source


def metal_of(chip: Chip, netlist: Path | None = None, pdk: str | None = None) -> Pdk | None:
    """The PDK whose devices the neuron of ``chip`` is made of; None if they are no PDK's.

    Raises :class:`CaptwinError` if the netlist cannot be read.
    """
    path = find_netlist(chip.analog.circuit, netlist)
    if netlist is not None:
        read_source(path, "netlist")
    devices = find_devices(path, None, pdk)
    return find_pdk(devices) if isinstance(devices, str) else None


def parasitic_for(chip: Chip, number: int, bar: Crossbar) -> float:
    """The share of C_column, in hundredths, that the wire of a column of this layer takes."""
    return math.ceil(100 * bar.column.farads / float(chip.layers[number].c_column.min())) / 100


def line_doubts(chip: Chip) -> list[str]:
    """A line for each layer whose heaviest column has less room than its wire takes; none where no PDK's metal is
    known."""
    try:
        pdk = metal_of(chip)
    except CaptwinError:  # a circuit of one's own, by its table alone
        return []
    if pdk is None:
        return []
    lines = []
    for number, layer in enumerate(chip.layers):
        bar = crossbar_of(layer, pdk.wires)
        if (missing := missing_room(layer, bar)) > 0:
            lines.append(
                f"layer {number}: the wire of a column takes {1e15 * bar.column.farads:.0f} fF,"
                f" {1e15 * missing:.0f} fF more than C_column leaves it;"
                f" train with parasitic = {parasitic_for(chip, number, bar):g} or more"
            )
    return lines
