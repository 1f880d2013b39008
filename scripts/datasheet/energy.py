"""What a cycle takes from the supply."""

import numpy as np

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Block, Note, Section
from captwin.scripts.page.drawing import drawing
from captwin.scripts.quantities import energy_text, quantity
from captwin.sim.plots.circuits.surfaces import draw_energy
from captwin.sim.plots.style import style
from captwin.sim.spice.benches.bench import Bench


def section(sheet: Sheet) -> Section:
    """A map of the energy of a cycle, and what is not in it."""
    table = sheet.table
    if table.energy is None:
        return Section("energy", "Energy", "Unknown.", [Note("The table does not tell what a cycle takes.")])
    least, middle, most = (energy_text(float(joules)) for joules in np.quantile(table.energy, [0, 0.5, 1]))
    with style():
        figure = draw_energy(table)
    caption = "Energy that a cycle takes from supply, references and clocks, by membrane and drive; red: the threshold."
    blocks: list[Block] = [drawing(figure, "energy", caption)]
    bench = sheet.netlist.bench if sheet.netlist else None
    if isinstance(bench, Bench) and bench.bias_current is not None:
        current, watts = bench.bias_current, bench.bias_current * table.supply
        blocks.append(
            Note(f"The bias circuit, one a chip, takes {quantity(current, 'A')}, {quantity(watts, 'W')} besides.")
        )
    blocks.append(
        Note(
            "A chip's inference takes more: rows, wires and the buffers of the clocks. captwin evaluate CHIP adds them "
            "up by the model of docs/energy.md."
        )
    )
    return Section("energy", "Energy", f"A cycle takes {middle} in the median, {least} to {most}.", blocks)
