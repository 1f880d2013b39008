"""The Verilog that is simulated: a core of our own, or files that somebody gives."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Sidecar, describe, read_sidecar
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_text
from captwin.hw.support.tools import find_tool, run_tool
from captwin.hw.verilog import TOP, YOSYS, sidecar_path, verilog_files

#: name of a core of our own
OWN = "core.v"
#: bytes; the Verilog of our largest chip takes a tenth
VERILOG_LIMIT = 1 << 28


@dataclass(frozen=True)
class Design:
    """Verilog, file by file, and what its top is."""

    files: dict[str, str]
    sidecar: Sidecar
    given: bool = False  #: whether the files came from outside


def own_design(chip: Chip, options: CoreOptions, top: str = TOP) -> Design:
    """The core of ``chip``, as :func:`write_verilog` writes it; errors as there."""
    sidecar, files = verilog_files(Core(chip, options), Path(OWN), top=top)
    return Design({OWN: files[Path(OWN)]}, sidecar)


def given_design(verilog: Sequence[Path], sidecar: Path | None, chip: Chip, options: CoreOptions) -> Design:
    """The files ``verilog``, the first of which holds the top, as a core of ``chip``.

    The top is what ``sidecar`` describes, or the JSON file beside the first file, or, without one, what captwin would
    write with ``options``. Raises :class:`CaptwinError` if that is another chip's, or if the ports of the top are
    others. Only Yosys reads the files here; whoever simulates them runs them.
    """
    names = {path: f"given{number}{path.suffix or '.v'}" for number, path in enumerate(verilog)}
    if len(names) < len(verilog):
        raise CaptwinError("--verilog: names a file twice")
    for path in verilog:
        if path.suffix not in (".v", ".sv"):
            raise CaptwinError(f"{path}: expected Verilog; name a file that ends in .v or .sv")
    files = {name: read_text(path, "Verilog", VERILOG_LIMIT) for path, name in names.items()}
    first = verilog[0]
    beside = sidecar_path(first)
    if sidecar is None and beside.exists():
        sidecar = beside
    if sidecar is not None:
        origin = str(sidecar)
        known = _expected(read_sidecar(sidecar), origin, chip)
        ports = _ports(first, files[names[first]], known.top)
    else:
        ports, origin = _ports(first, files[names[first]], TOP), "a core with these options"
        core = Core(chip, replace(options, trace=any(port == "trace0__valid" for port in ports)))
        known = describe(core, core, TOP)
    _check_ports(first, ports, known, origin)
    return Design(files, known, given=True)


def _expected(sidecar: Sidecar, origin: str, chip: Chip) -> Sidecar:
    """What captwin would write of ``chip`` with the options of ``sidecar``: that must be what it says."""
    if sidecar.build_id != f"{chip.build_id:016x}":
        raise CaptwinError(
            f"{origin}: describes the gates of chip {sidecar.build_id}, not of {chip.build_id:016x}; name that chip"
        )
    if any(port.name == "s_axis_tdata" for port in sidecar.ports):
        raise CaptwinError(f"{origin}: describes AXI4-Stream ports; write the core without --axi-stream to compare it")
    core = Core(chip, sidecar.options.core_options)
    expected = describe(core, core, sidecar.top)
    if (sidecar.ports, sidecar.sizes, sidecar.steps) != (expected.ports, expected.sizes, expected.steps):
        raise CaptwinError(f"{origin}: its ports are not those of this chip with its options; write the sidecar again")
    return sidecar


def _ports(path: Path, text: str, top: str) -> dict[str, tuple[str, int]]:
    """Direction and bits of each port of the module ``top``, as Yosys reads it."""
    tool = find_tool(YOSYS)
    if tool is None:
        raise CaptwinError(f"{YOSYS}: not found; install it with: pip install {YOSYS}")
    with tempfile.TemporaryDirectory(prefix="captwin-") as name:
        folder = Path(name)
        (folder / OWN).write_text(text)
        script = f"read_verilog -sv {OWN}; tee -q -o ports.txt portlist {top}"
        done = run_tool([tool, "-q", "-p", script], cwd=folder)
        if done.returncode:
            reason = (done.stderr.strip() or "no message").splitlines()[-1].replace(f"{OWN}:", "line ", 1)
            raise CaptwinError(f"{path}: Yosys cannot read it: {reason[:200]}")
        lines = (folder / "ports.txt").read_text().splitlines()
    if not lines or lines[0] != f"module {top}":
        raise CaptwinError(f"{path}: holds no module {top}")
    ports = {}
    for line in lines[1:-1]:
        direction, bits, port = line.split()
        high, low = (int(end) for end in bits.strip("[]").split(":"))
        ports[port] = direction, abs(high - low) + 1
    return ports


def _check_ports(path: Path, ports: dict[str, tuple[str, int]], sidecar: Sidecar, origin: str) -> None:
    wanted = {port.name: (port.direction, port.width) for port in sidecar.ports}
    for name in sorted(wanted.keys() | ports.keys()):
        if wanted.get(name) != ports.get(name):
            expected, got = (_port(table.get(name)) for table in (wanted, ports))
            raise CaptwinError(f"{path}: port {name} of {sidecar.top}: expected {expected} by {origin}, got {got}")


def _port(port: tuple[str, int] | None) -> str:
    return f"{port[0]} of {port[1]} bits" if port else "none"
