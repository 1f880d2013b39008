"""How the drivers of rows and clocks are built of a PDK's transistors: sizes, and elements of a netlist.

``docs/energy.md`` says why they are built so.
"""

import math
from dataclasses import dataclass, field

from captwin.sim.pdk.pdk import Pdk
from captwin.sim.pdk.sizes import Part

#: width of a driver's least inverter, in those that the PDK allows at least: NMOS, and PMOS
UNIT_NMOS, UNIT_PMOS = 1.0, 2.0
#: the same of the NMOS of the inverter before the level shifter
FIRST = 2.0
#: the same of the level shifter's NMOS and PMOS, and the PMOS' length; the NMOS must win against the PMOS
SHIFTER_NMOS, SHIFTER_PMOS, SHIFTER_LENGTH = 2.25, 1.0, 1.8
#: inverters from the level shifter to the switches of a row: of an even number the outputs fall before others rise, so
#: that a switch opens before the other one closes
ROW_STAGES = 2
#: inverters of a clock's driver
CLOCK_STAGES = 3
#: width of the switch that takes a row line down, over that of the one that takes it up, which conducts less
DOWN_SHARE = 0.5


@dataclass(frozen=True)
class Design:
    """What all drivers of a chip have in common."""

    supply: float  #: V of clocks and row logic
    v_read: float  #: V that the row lines swing by
    rail: float  #: V that the gates of the rows' switches swing by
    switch_width: float  #: m a F of a row line's load: width of the transistor that takes it up
    inverter_input: float  #: F a m of the width of an inverter's NMOS: what its input takes

    @property
    def row_supply(self) -> float:
        """V of the supply that row lines are charged from: the circuit's, through a regulator, or one of their own."""
        return max(self.supply, self.v_read)

    @property
    def inverts(self) -> bool:
        """Whether a PMOS takes a row line up, since gates swing no higher than lines: the last stage is an inverter."""
        return self.rail < self.v_read + 1e-6

    @property
    def shifts(self) -> bool:
        """Whether row logic and switches have different supplies."""
        return self.rail > self.supply + 1e-6


@dataclass
class Netlist:
    """Elements of a deck, and the transistors among them."""

    pdk: Pdk
    elements: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def least(self) -> tuple[float, float]:
        """m of w and l of the least NMOS."""
        return next(device for device in self.pdk.devices if device.name == "nch").least

    def transistor(self, kind: str, nodes: str, width: float, length: float | None = None) -> None:
        """A transistor of ``kind`` between ``nodes``, drain, gate, source and bulk, on the PDK's grid; as many side by
        side as its ``width`` needs."""
        device = next(device for device in self.pdk.devices if device.name == kind)
        least, most = device.least, device.most
        count = math.ceil(width / most[0])
        w = max(least[0], self._grid(width / count))
        l = least[1] if length is None else self._grid(length)  # noqa: E741
        for _ in range(count):
            name = f"x{len(self.elements)}"
            self.elements.append(f"{name} {nodes} {kind} w={w:.9g} l={l:.9g}")
            self.parts.append(Part(name, kind, w, l))

    def inverter(self, source: str, target: str, width: float, supply: str) -> None:
        """An inverter from node ``source`` to ``target``, whose NMOS is ``width`` m wide."""
        self.transistor("nch", f"{target} {source} 0 0", width)
        self.transistor("pch", f"{target} {source} {supply} {supply}", width * UNIT_PMOS / UNIT_NMOS)

    def chain(self, source: str, target: str, load: float, design: Design, supply: str, stages: int) -> None:
        """So many ``stages`` of inverters from node ``source`` to ``target``, which drive ``load`` F there; each is
        larger than the one before by the same factor."""
        unit = UNIT_NMOS * self.least[0]
        effort = max(1.0, load / (unit * design.inverter_input))
        growth = effort ** (1 / stages)
        nodes = [source, *(f"{target}_{stage}" for stage in range(1, stages)), target]
        for stage in range(stages):
            self.inverter(nodes[stage], nodes[stage + 1], unit * growth**stage, supply)

    def _grid(self, size: float) -> float:
        return round(size / self.pdk.grid) * self.pdk.grid


def row_driver(netlist: Netlist, design: Design, up: float, down: float, name: str = "") -> None:
    """The driver of a row, whose upper line is a load of ``up`` F and whose lower one of ``down`` F.

    Its nodes are ``in``, the spike, of the design's supply, and the lines ``up`` and ``down``, each with ``name``
    behind it; ``vdd``, ``rail`` and ``vread`` are its supplies.
    """
    true, false = _spike_and_complement(netlist, design, name)
    active, idle = f"active{name}", f"idle{name}"
    rise, fall = design.switch_width * up, design.switch_width * down
    gate = design.inverter_input / (1 + UNIT_PMOS / UNIT_NMOS)  # F a m of one transistor's width
    # A PMOS shares its gate with the NMOS of its line; an NMOS that takes a line up has the gate of the other line's.
    loads = ((fall, fall), (rise, rise)) if design.inverts else ((rise, fall), (fall, rise))
    for source, target, (above, below) in zip((true, false), (active, idle), loads, strict=True):
        netlist.chain(source, target, gate * (above + DOWN_SHARE * below), design, "rail", ROW_STAGES)
    for line, high, low, width in ((f"up{name}", active, idle, rise), (f"down{name}", idle, active, fall)):
        if design.inverts:
            netlist.transistor("pch", f"{line} {low} vread vread", width)
        else:
            netlist.transistor("nch", f"vread {high} {line} 0", width)
        netlist.transistor("nch", f"{line} {low} 0 0", DOWN_SHARE * width)


def _spike_and_complement(netlist: Netlist, design: Design, name: str) -> tuple[str, str]:
    """Nodes that follow the spike and its complement up to the rail: behind a level shifter, if there need be one."""
    least, length = netlist.least
    spike, complement = f"in{name}", f"not{name}"
    netlist.inverter(spike, complement, FIRST * least, "vdd")
    if not design.shifts:
        return spike, complement
    true, false = f"true{name}", f"false{name}"
    for gate, node, other in ((spike, false, true), (complement, true, false)):
        netlist.transistor("nch", f"{node} {gate} 0 0", SHIFTER_NMOS * least)
        netlist.transistor("pch", f"{node} {other} rail rail", SHIFTER_PMOS * least, SHIFTER_LENGTH * length)
    return true, false


def clock_driver(netlist: Netlist, design: Design, load: float) -> None:
    """The driver of a clock line of ``load`` F, from node ``in`` to node ``out``, at the supply ``vdd``."""
    netlist.chain("in", "out", load, design, "vdd", CLOCK_STAGES)
