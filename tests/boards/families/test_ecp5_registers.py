"""Block RAMs and multipliers take over the registers behind them, and only those that are nothing but registers."""

from typing import Any

import pytest

from captwin.boards.families.ecp5_registers import take_over_registers

CLOCK, DATA, NEXT = 2, 10, 100  # bits: the clock, the block RAM's outputs, the registers'


def netlist(width: int = 36, reads: int = 3) -> dict[str, Any]:
    """A block RAM whose first ``reads`` outputs through port B each feed a register, which feeds a pin."""
    halves = "AB" if width == 36 else "B"
    outputs = [f"DO{half}{n}" for half in halves for n in range(18)]
    bits = {name: [DATA + n] for n, name in enumerate(outputs)}
    cells: dict[str, Any] = {
        "ram": {
            "type": "DP16KD",
            "parameters": {"DATA_WIDTH_A": "0" * 26 + "100100", "DATA_WIDTH_B": f"{width:032b}"},
            "port_directions": {"CLKA": "input", "CLKB": "input", **dict.fromkeys(outputs, "output")},
            "connections": {"CLKA": [CLOCK], "CLKB": [CLOCK], **bits},
        }
    }
    return with_registers(cells, reads)


def product(reads: int = 3) -> dict[str, Any]:
    """A multiplier, as Yosys leaves it, whose first ``reads`` outputs each feed a register, which feeds a pin."""
    outputs = [f"P{n}" for n in range(36)]
    multiplier = {
        "type": "MULT18X18D",
        "parameters": {},
        "port_directions": {"A0": "input", "B0": "input", **dict.fromkeys(outputs, "output")},
        "connections": {"A0": [3], "B0": [4], **{name: [DATA + n] for n, name in enumerate(outputs)}},
    }
    return with_registers({"product": multiplier}, reads)


def with_registers(cells: dict[str, Any], reads: int) -> dict[str, Any]:
    for n in range(reads):
        cells[f"register{n}"] = {
            "type": "TRELLIS_FF",
            "parameters": {"CLKMUX": "CLK", "CEMUX": "1 ", "REGSET": "RESET"},
            "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
            "connections": {"CLK": [CLOCK], "DI": [DATA + n], "LSR": ["0"], "Q": [NEXT + n]},
        }
    pins = {"bits": [NEXT + n for n in range(reads)]}
    return {"modules": {"top": {"cells": cells, "ports": {"pins": pins}}}}


@pytest.mark.parametrize(("width", "halves"), [(36, "AB"), (18, "B")])
def test_taken_over(width: int, halves: str) -> None:
    design = netlist(width)
    assert take_over_registers(design, "top") == 3
    cells = design["modules"]["top"]["cells"]
    assert list(cells) == ["ram"]
    ram = cells["ram"]
    first = f"DO{halves[0]}"
    assert [ram["connections"][f"{first}{n}"] for n in range(4)] == [[NEXT], [NEXT + 1], [NEXT + 2], [DATA + 3]]
    for half in "AB":
        registered = half in halves
        assert (ram["parameters"].get(f"REGMODE_{half}") == "OUTREG") is registered
        assert (ram["connections"].get(f"OCE{half}") == ["1"]) is registered


def test_taken_over_by_a_multiplier() -> None:
    design = product()
    assert take_over_registers(design, "top") == 3
    cells = design["modules"]["top"]["cells"]
    assert list(cells) == ["product"]
    multiplier = cells["product"]
    connections = multiplier["connections"]
    assert [connections[f"P{n}"] for n in range(4)] == [[NEXT], [NEXT + 1], [NEXT + 2], [DATA + 3]]
    assert multiplier["parameters"] == {"REG_OUTPUT_CLK": "CLK0"}
    assert {pin: connections[pin] for pin in ("CLK0", "CE0", "RST0")} == {"CLK0": [CLOCK], "CE0": ["1"], "RST0": ["0"]}
    assert all(multiplier["port_directions"][pin] == "input" for pin in ("CLK0", "CE0", "RST0"))


def left_alone(design: dict[str, Any]) -> bool:
    cells = design["modules"]["top"]["cells"]
    moved = take_over_registers(design, "top")
    parameters = next(iter(cells.values()))["parameters"]
    return moved == 0 and "register0" in cells and not {"REGMODE_A", "REG_OUTPUT_CLK"} & set(parameters)


@pytest.mark.parametrize("block", [netlist, product])
@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("connections", "CE", [50]),
        ("connections", "LSR", [50]),
        ("connections", "CLK", [50]),
        ("parameters", "REGSET", "SET"),
        ("parameters", "CLKMUX", "INV"),
    ],
)
def test_a_register_that_does_more_is_left(part: str, key: str, value: object, block: Any) -> None:
    design = block()
    register = design["modules"]["top"]["cells"]["register1"]
    register[part][key] = value
    register["port_directions"][key] = "input"
    assert left_alone(design)


@pytest.mark.parametrize("block", [netlist, product])
def test_data_that_something_else_reads_are_left(block: Any) -> None:
    design = block()
    design["modules"]["top"]["cells"]["lut"] = {
        "type": "LUT4",
        "parameters": {},
        "port_directions": {"A": "input"},
        "connections": {"A": [DATA + 1]},
    }
    assert left_alone(design)


@pytest.mark.parametrize("block", [netlist, product])
def test_data_on_a_pin_are_left(block: Any) -> None:
    design = block()
    design["modules"]["top"]["ports"]["pins"]["bits"].append(DATA + 1)
    assert left_alone(design)


@pytest.mark.parametrize("block", [netlist, product])
def test_data_that_only_logic_reads_are_left(block: Any) -> None:
    design = block()
    design["modules"]["top"]["cells"]["register1"]["port_directions"] = {"A": "input", "Q": "output"}
    design["modules"]["top"]["cells"]["register1"] |= {"type": "LUT4", "connections": {"A": [DATA + 1], "Q": [51]}}
    assert left_alone(design)
