"""Block RAMs and multipliers of an ECP5 take over the registers behind them.

DP16KD and MULT18X18D have a register at each output that Yosys does not use. Without it a block RAM's data come 5.8 ns
after the clock, with it 1.0 ns; a product comes 3.9 ns after its factors and then has some way to go, with it a factor
must come 3.5 ns before the clock, and the product 0.7 ns after it (Lattice FPGA-TN-02204, "ECP5 Memory Usage Guide",
and FPGA-TN-02205, "ECP5 sysDSP Usage Guide"; the delays are those of Project Trellis for speed grade 6).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

#: a register that loads in each clock cycle, and nothing else
PLAIN = {"CLKMUX": "CLK", "CEMUX": "1 ", "REGSET": "RESET"}
WIDE = 36  #: both ports' outputs are one word, read through port B

Cells = dict[str, dict[str, Any]]
Readers = dict[Any, list[tuple[str, str]]]


def take_over_registers(netlist: dict[str, Any], top: str) -> int:
    """Moves registers behind block RAMs and multipliers into them, in Yosys' JSON ``netlist`` itself; returns how many.

    All used outputs, of a block RAM's port or of a multiplier, must go to one plain register each, all of one clock,
    which is the port's; else they are left alone.
    """
    cells: Cells = netlist["modules"][top]["cells"]
    readers: Readers = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for bit in bits:
                    readers[bit].append((name, port))
    for port in netlist["modules"][top]["ports"].values():
        for bit in port["bits"]:
            readers[bit].append(("", ""))

    moved = 0
    for block in list(cells.values()):
        if block["type"] == "DP16KD":
            wide = int(block["parameters"]["DATA_WIDTH_B"], 2) == WIDE
            for port, halves in (("B", "AB"),) if wide else (("A", "A"), ("B", "B")):
                outputs = [f"DO{half}{n}" for half in halves for n in range(18)]
                registers, clock = _registers(cells, readers, block, outputs)
                if clock != block["connections"][f"CLK{port}"]:
                    continue
                moved += _move(cells, block, registers)
                for half in halves:
                    block["parameters"][f"REGMODE_{half}"] = "OUTREG"
                    block["connections"][f"OCE{half}"] = ["1"]
        elif block["type"] == "MULT18X18D":
            registers, clock = _registers(cells, readers, block, [f"P{n}" for n in range(36)])
            if clock is None:
                continue
            moved += _move(cells, block, registers)
            block["parameters"]["REG_OUTPUT_CLK"] = "CLK0"
            for pin, net in {"CLK0": clock, "CE0": ["1"], "RST0": ["0"]}.items():
                block["port_directions"][pin] = "input"
                block["connections"][pin] = net
    return moved


def _registers(
    cells: Cells, readers: Readers, block: dict[str, Any], outputs: Iterable[str]
) -> tuple[dict[str, str], Any]:
    """The register behind each used one of ``outputs`` of ``block``, and their clock; that is None if one lacks."""
    nets = {name: block["connections"].get(name) for name in outputs}
    used = {name: bits[0] for name, bits in nets.items() if bits and readers[bits[0]]}
    registers = {}
    clock = None
    for name, bit in used.items():
        register = _plain(cells, readers[bit])
        if register is None or clock not in (None, cells[register]["connections"]["CLK"]):
            return {}, None
        registers[name] = register
        clock = cells[register]["connections"]["CLK"]
    return registers, clock


def _plain(cells: Cells, readers: list[tuple[str, str]]) -> str | None:
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


def _move(cells: Cells, block: dict[str, Any], registers: dict[str, str]) -> int:
    """Takes ``registers`` out, and has the outputs of ``block`` before them drive what they drove."""
    for output, register in registers.items():
        block["connections"][output] = cells.pop(register)["connections"]["Q"]
    return len(registers)
