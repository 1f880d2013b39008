"""Block RAMs of an ECP5 take over the registers behind them.

A DP16KD has a register at each output that Yosys does not use. Without it data come 5.8 ns after the clock, with it
1.0 ns (Lattice FPGA-TN-02204, "ECP5 Memory Usage Guide"; the delays are those of Project Trellis for speed grade 6).
"""

from collections import defaultdict
from typing import Any

#: a register that loads in each clock cycle, and nothing else
PLAIN = {"CLKMUX": "CLK", "CEMUX": "1 ", "REGSET": "RESET"}
WIDE = 36  #: both ports' outputs are one word, read through port B


def take_over_registers(netlist: dict[str, Any], top: str) -> int:
    """Moves registers behind block RAMs into them, in Yosys' JSON ``netlist`` itself; returns how many.

    All used outputs of a port must go to one plain register each, of the port's clock; else the port is left alone.
    """
    cells = netlist["modules"][top]["cells"]
    readers = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    readers[bit].append((name, port))
    for port in netlist["modules"][top]["ports"].values():
        for bit in port["bits"]:
            readers[bit].append(("", ""))

    moved = 0
    for ram in [cell for cell in cells.values() if cell["type"] == "DP16KD"]:
        wide = int(ram["parameters"]["DATA_WIDTH_B"], 2) == WIDE
        for port, halves in (("B", "AB"),) if wide else (("A", "A"), ("B", "B")):
            outputs = [(f"DO{half}{n}", ram["connections"].get(f"DO{half}{n}")) for half in halves for n in range(18)]
            used = {name: bits[0] for name, bits in outputs if bits and readers[bits[0]]}
            registers = {name: _register(cells, readers[bit]) for name, bit in used.items()}
            clock = ram["connections"][f"CLK{port}"]
            if not used or any(
                register is None or cells[register]["connections"]["CLK"] != clock for register in registers.values()
            ):
                continue
            for name, register in registers.items():
                ram["connections"][name] = cells.pop(register)["connections"]["Q"]
            for half in halves:
                ram["parameters"][f"REGMODE_{half}"] = "OUTREG"
                ram["connections"][f"OCE{half}"] = ["1"]
            moved += len(registers)
    return moved


def _register(cells: dict[str, Any], readers: list[tuple[str, str]]) -> str | None:
    """The plain register that alone reads, if it is one."""
    if len(readers) != 1:
        return None
    name, port = readers[0]
    cell = cells.get(name)
    if cell is None or cell["type"] != "TRELLIS_FF" or port != "DI":
        return None
    parameters, connections = cell["parameters"], cell["connections"]
    plain = all(parameters.get(key, value) == value for key, value in PLAIN.items())
    return name if plain and connections.get("LSR", ["0"]) == ["0"] and "CE" not in connections else None
