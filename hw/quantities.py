"""Ranges of the physical quantities that files state: so generous that a value outside them is a mistake."""

from typing import NamedTuple


class Range(NamedTuple):
    """Least and greatest value, both allowed, and their unit."""

    least: float
    greatest: float
    unit: str


#: of any voltage
VOLTS = Range(-1000.0, 1000.0, "V")
#: least distance, in V, of the voltages that the lowest and the highest code stand for
LEAST_SPAN = 1e-6
#: of what a neuron draws in a cycle
JOULES = Range(-1.0, 1.0, "J")
#: of any capacitance in a chip
FARADS = Range(0.0, 1e-6, "F")
#: by the names of the fields of chips and neuron tables
RANGES = {
    "temperature": Range(-273.15, 1000.0, "deg C"),
    "supply": Range(1e-3, 100.0, "V"),
    "v_read": Range(1e-6, 100.0, "V"),
    "v_rest": VOLTS,
    "c_membrane": Range(1e-18, 1e-6, "F"),
    "c_column": Range(1e-18, 1e-6, "F"),
    "row_wire": FARADS,
    "clock_wire": FARADS,
}


def fault(name: str, value: float) -> str | None:
    """What is wrong with ``value`` for the quantity called ``name``; None if it lies in its range."""
    least, greatest, unit = RANGES[name]
    if least <= value <= greatest:
        return None
    return f"expected {least:g} to {greatest:g} {unit}, got {value:g}"
