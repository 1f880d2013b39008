"""What the neuron is made of."""

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Block, Note, Points, Section
from captwin.scripts.page.drawing import drawing
from captwin.sim.plots.circuits.schematic import draw_schematic
from captwin.sim.plots.style import style
from captwin.sim.schematic.elements import Block as Devices
from captwin.sim.schematic.elements import Subcircuit

TITLE = "Devices"
#: devices that are drawn
MOST = 400


def section(sheet: Sheet) -> Section:
    """A diagram, and what the netlist's comments say of their blocks."""
    netlist = sheet.netlist
    if netlist is None:
        return Section(
            "devices", TITLE, "The netlist is not known.", [Note("Name it with --netlist, and its devices as ever.")]
        )
    parts = _blocks(netlist.subcircuits)
    count = sum(len(part.elements) for part in parts)
    if count > MOST:
        return Section("devices", TITLE, f"{count:,} devices.", [Note(f"Not drawn: more than {MOST} are not legible.")])
    with style():
        figure = draw_schematic(parts)
    caption = (
        f"Drawn from {netlist.path.name}: equal names are one net, a bar is the supply. Beside a transistor its name "
        "and w / l in µm as the netlist states them; without an l it is the devices' usual one. Bulks without a name "
        "lie at ground (n) and at the supply (p)."
    )
    lead = (
        f"{netlist.transistors} transistors ({netlist.devices_text}). A diagram of the devices by block and function; "
        "drawn by a program, not by hand, and without a layout."
    )
    comments = [part.comment for part in parts if part.comment != part.title]
    shown: list[Block] = [drawing(figure, "schematic", caption)]
    return Section(
        "devices", TITLE, lead, [*shown, Points(comments, "The netlist on its blocks:")] if comments else shown
    )


def _blocks(subcircuits: dict[str, Subcircuit]) -> list[Devices]:
    """Those of the neuron, then with their names those of its own subcircuits, each once, and of the bias circuit."""
    names = ["neuron"]
    for name in names:
        kinds = dict.fromkeys(element.kind for element in subcircuits[name].elements)
        names += [kind for kind in kinds if kind in subcircuits and kind not in names]
    blocks = list(subcircuits["neuron"].blocks)
    for name in dict.fromkeys([*names[1:], "bias"]):
        for block in subcircuits[name].blocks if name in subcircuits else ():
            blocks.append(Devices(f"{name}, {block.comment}" if block.comment else name, block.elements))
    return blocks
