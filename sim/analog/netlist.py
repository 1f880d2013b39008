"""What a neuron's netlist must state, read from its text; and the files that it or its models include."""

import re
from pathlib import Path

from hw.support.files import read_bytes
from sim.analog.ngspice import SpiceError

#: ports of the subcircuit ``neuron``, in this order
PORTS = ["col", "mem", "phi1", "phi1_n", "phi2", "phi2_n", "eval", "eval_n"]
PORTS += ["latch", "latch_n", "spike", "spike_n", "vdd", "vref", "vreset"]
#: numbers that a netlist must state in .param lines: volts and farads
PARAMETERS = ("supply", "v_ref", "v_reset", "v_read", "c_column", "c_membrane", "v_min", "v_max", "u_min", "u_max")

_SUFFIXES = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_SUFFIXES |= {"f": 1e-15, "a": 1e-18}
_INCLUDE = re.compile(
    r"""^\s*\.(?:inc\w*[ \t]+|lib[ \t]+(?=\S+[ \t]+\w))['"]?([^'"\s]+)""", re.MULTILINE | re.IGNORECASE
)


def check_ports(path: Path, text: str) -> None:
    """Raises :class:`SpiceError` unless ``text``, of the file ``path``, defines the neuron with its PORTS."""
    joined = re.sub(r"\n\s*\+", " ", text)
    found = re.search(r"^\s*\.subckt\s+neuron\s+(.*)$", joined, re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise SpiceError(f"{path}: no '.subckt neuron'; its ports are {' '.join(PORTS)}")
    ports = found[1].lower().split()
    for port in PORTS:
        if port not in ports:
            raise SpiceError(f"{path}: .subckt neuron lacks the port {port}; its ports are {' '.join(PORTS)}")
    if ports != PORTS:
        raise SpiceError(f"{path}: .subckt neuron must have just these ports, in this order: {' '.join(PORTS)}")


def parameters(path: Path, text: str) -> dict[str, float]:
    """Volts and farads of PARAMETERS; :class:`SpiceError` if one is missing or no plain number."""
    lines = re.sub(r"\n\s*\+", " ", text)
    stated = " ".join(re.findall(r"^\s*\.param\s+(.*)$", lines, re.MULTILINE | re.IGNORECASE))
    said = {name.lower(): value for name, value in re.findall(r"(\w+)\s*=\s*(\S+)", stated)}
    values = {}
    for name in PARAMETERS:
        if name not in said:
            raise SpiceError(f"{path}: no .param {name}; a netlist states {', '.join(PARAMETERS)}")
        values[name] = number(path, name, said[name])
    return values


def number(path: Path, name: str, text: str) -> float:
    """A number of SPICE, such as 500f; :class:`SpiceError` if ``name`` is not given so."""
    match = re.fullmatch(r"([-+]?[\d.]+(?:e[-+]?\d+)?)(meg|[tgkmunpfa])?[a-z]*", text.lower())
    try:
        if match is None:
            raise ValueError
        return float(f"{match[1]}") * _SUFFIXES[match[2] or ""]
    except ValueError:
        raise SpiceError(f"{path}: .param {name}={text}: expected a plain number, such as 1.8 or 500f") from None


def included(path: Path, text: str) -> list[str]:
    """Contents of the files that ``text``, of the file ``path``, includes, each once, and of those that they include.

    A file that is not there is left to ngspice to complain of.
    """
    seen, found = {path.resolve()}, []
    waiting = [(path, text)]
    while waiting:
        at, content = waiting.pop()
        for name in _INCLUDE.findall(content):
            file = (at.parent / name).resolve()
            if file in seen or not file.is_file():
                continue
            seen.add(file)
            found.append(read_bytes(file, "included file").decode(errors="replace"))
            waiting.append((file, found[-1]))
    return found
