"""What a neuron's netlist states, as ngspice reads it: the ports of its subcircuit, and its parameters."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from captwin.sim.spice.ngspice import SpiceError, run_deck

#: ports of the subcircuit ``neuron``, in this order
PORTS = ["col", "mem", "phi1", "phi1_n", "phi2", "phi2_n", "eval", "eval_n"]
PORTS += ["latch", "latch_n", "spike", "spike_n", "vdd", "vref", "vreset"]
#: numbers that a netlist must state in .param lines: volts and farads
PARAMETERS = ("supply", "v_ref", "v_reset", "v_read", "c_column", "c_membrane", "v_min", "v_max", "u_min", "u_max")
#: least and most that is taken for a voltage and for a capacitance of this kind of circuit
VOLTS, FARADS = 1e3, (1e-18, 1e-6)

#: s that ngspice may take to read a netlist and the largest models
SECONDS_TO_READ = 120.0
#: what ngspice says of a netlist of which it simulates nothing
_UNUSABLE = re.compile(
    r"^.*(unknown subckt|too (few|many) parameters|could not find|simulation interrupted"
    r"|unable to find definition|undefined parameter|cannot compute|formula\(\) error|netlist line|fatal).*$",
    re.MULTILINE | re.IGNORECASE,
)
#: ngspice's reasons for ending a simulation early
_REASON = re.compile(r"(singular matrix:.*|timestep too small.*|doanalyses: .*)", re.IGNORECASE)


def check_usable(output: str, circuit: str) -> None:
    """Raises :class:`SpiceError` with ngspice's own words if ``output`` says that it could not use the netlist."""
    if broken := _UNUSABLE.search(output):
        raise SpiceError(f"{circuit}: ngspice cannot use the netlist: {printable_line(broken[0])}")


def ending_reason(output: str) -> str:
    """ngspice's reason for ending early, from what it printed."""
    reason = _REASON.search(output)
    return printable_line(reason[0]) if reason else "ngspice gives no reason"


def printable_line(text: str) -> str:
    """A line of ngspice's output, without what a terminal would act upon."""
    return "".join(character if character.isprintable() else " " for character in text).strip()[:200]


def echoed(output: str, word: str, width: int) -> list[tuple[float, ...]]:
    """The lines of ``width`` numbers that a deck echoed after "captwin ``word``"."""
    lines = []
    for line in re.findall(rf"^captwin {word} (.*)$", output, re.MULTILINE):
        try:
            numbers = tuple(float(text) for text in line.split())
        except ValueError:
            continue  # ngspice had no such vector
        if len(numbers) == width:
            lines.append(numbers)
    return lines


def read_netlist(path: Path, circuit: str) -> dict[str, float]:
    """Volts and farads of PARAMETERS, as ngspice reads them in ``circuit``: devices and the netlist ``path``.

    Raises :class:`SpiceError` if the subcircuit, a port or a parameter is missing, or a value is none of a circuit.
    """
    listing = _ask(circuit, ["listing physical", "listing param"])
    physical, _, symbols = listing.partition("global symbol definitions")
    known = set(re.findall(r"^\s*---> (\S+) = ", symbols, re.MULTILINE))
    if " rcaptwin " not in physical:
        check_usable(listing, str(path))
        raise SpiceError(f"{path}: ngspice cannot read the netlist: {printable_line(listing) or 'it says nothing'}")
    _check_ports(path, physical)
    for name in PARAMETERS:
        if name not in known:
            raise SpiceError(f"{path}: no .param {name}; a netlist states {', '.join(PARAMETERS)}")
    output = _computed(circuit, {name: name for name in PARAMETERS})
    values = {}
    for name in PARAMETERS:
        numbers = echoed(output, name, 1)
        if not numbers:
            check_usable(output, str(path))
            raise SpiceError(f"{path}: .param {name}: ngspice computes no number; write one, such as 1.8 or 500f")
        values[name] = check_value(str(path), name, numbers[0][0])
    return values


def evaluate(circuit: str, expressions: Iterable[str]) -> dict[str, float]:
    """The numbers of ``expressions`` of the parameters that the text ``circuit`` states, such as ``2*width``; none
    of them if there is one that ngspice cannot compute."""
    names = {f"size{number}": expression for number, expression in enumerate(expressions)}
    output = _computed(circuit, names)
    numbers = {expression: echoed(output, name, 1) for name, expression in names.items()}
    return {expression: found[0][0] for expression, found in numbers.items() if found}


def check_value(where: str, name: str, value: float) -> float:
    """``value`` of the parameter ``name`` in V or F; :class:`SpiceError` if it is none of a circuit."""
    low, high = FARADS if name.startswith("c_") else (-VOLTS, VOLTS)
    if name in ("supply", "v_read", "c_column", "c_membrane") and not value > 0:
        raise SpiceError(f"{where}: {name}: expected more than 0, got {value:g}")
    if not low <= value <= high:
        raise SpiceError(f"{where}: {name}: expected {low:g} to {high:g}, got {value:g}")
    return value


def _computed(circuit: str, expressions: Mapping[str, str]) -> str:
    """What ngspice prints of ``expressions``: their numbers, each echoed by its name."""
    vectors = "\n".join(f".csparam captwin_{name}={{{expression}}}" for name, expression in expressions.items())
    echoes = [f"echo captwin {name} $&captwin_{name}" for name in expressions]
    return _ask(f"{circuit}\n{vectors}", ["set numdgt=17", *echoes])


def _ask(circuit: str, orders: list[str]) -> str:
    deck = ["* captwin", circuit, "rcaptwin captwin 0 1", ".control", *orders, "quit", ".endc", ".end", ""]
    return run_deck("\n".join(deck), SECONDS_TO_READ)


def _check_ports(path: Path, listing: str) -> None:
    """Raises :class:`SpiceError` unless ngspice's ``listing`` defines the neuron with its PORTS."""
    # A subcircuit that nothing uses is listed as a comment; real comments are not in our decks.
    lines = re.sub(r"\n\s*\d+ : [+]", " ", listing)
    match = re.search(r"^\s*\d+ : [.*]subckt neuron\b(.*)$", lines, re.MULTILINE | re.IGNORECASE)
    if match is None:
        raise SpiceError(f"{path}: no '.subckt neuron'; its ports are {' '.join(PORTS)}")
    ports = re.sub(r"params:.*|\S+\s*=.*", "", match[1].lower()).split()
    for port in PORTS:
        if port not in ports:
            raise SpiceError(f"{path}: .subckt neuron lacks the port {port}; its ports are {' '.join(PORTS)}")
    if ports != PORTS:
        raise SpiceError(f"{path}: .subckt neuron must have just these ports, in this order: {' '.join(PORTS)}")
