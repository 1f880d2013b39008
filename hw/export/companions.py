"""What goes with a core's Verilog into somebody's design: how to place it, its clock, and a FuseSoC description."""

import json
import re
from importlib.metadata import version

from captwin.hw.export.sidecar import Port, Sidecar
from captwin.hw.support.generated import blank_mark

INSTANCE, TIMING, FUSESOC = "instance", "constraints", "core description"


def clock_port(sidecar: Sidecar) -> str:
    """The name of the core's clock."""
    return "aclk" if any(port.name == "aclk" for port in sidecar.ports) else "clk"


def instance(sidecar: Sidecar) -> str:
    """An instance of the core with a wire a port, and one a field of what comes out; clock and reset are not declared.

    Inputs have wires that are to be driven.
    """
    clock = clock_port(sidecar)
    shared = {clock, "rst" if clock == "clk" else "aresetn"}
    lines = [
        f"// how to place {sidecar.top} in a module that has {' and '.join(sorted(shared))}; copy it, or `include it",
        f"// {blank_mark(INSTANCE)}",
    ]
    for port in sidecar.ports:
        if port.name not in shared:
            what = "drive it" if port.direction == "input" else "comes out"
            lines.append(f"wire {_range(port.width)}{port.name}; // {what}{_packing(port)}")
    lines.append(f"{sidecar.top} {sidecar.top}_0 (")
    lines += [f"    .{port.name}({port.name})," for port in sidecar.ports]
    lines[-1] = lines[-1].rstrip(",")
    lines.append(");")
    for port in sidecar.ports:
        if port.direction == "output":
            for field in port.fields:
                if field.width:
                    part = re.sub(r"\W+", "_", field.name).strip("_")
                    name = f"{port.name.removesuffix('__payload')}_{part}"
                    signed = "signed " * field.signed
                    bits = f"{port.name}[{field.lsb + field.width - 1}:{field.lsb}]"
                    lines.append(f"wire {signed}{_range(field.width)}{name} = {bits};")
    return "\n".join([*lines, ""])


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _packing(port: Port) -> str:
    if port.direction != "input" or not port.fields:
        return ""
    return ": " + ", ".join(f"{entry.name} from bit {entry.lsb}" for entry in port.fields)


def constraints(sidecar: Sidecar, clock_hz: float) -> str:
    """The clock's period, as SDC and XDC have it."""
    clock = clock_port(sidecar)
    return "\n".join(
        [
            f"# {sidecar.top} alone, at {clock_hz / 1e6:g} MHz; within a design, name what drives its clock instead",
            f"# {blank_mark(TIMING)}",
            f"create_clock -name {clock} -period {1e9 / clock_hz:.3f} [get_ports {clock}]",
            "",
        ]
    )


def fusesoc(sidecar: Sidecar, verilog: str, testbench: str, sdc: str, xdc: str) -> str:
    """A CAPI2 description of the core: ``default`` is its Verilog, ``sim`` runs its testbench. Files by their names."""
    bench = f"{sidecar.top}_tb"
    content = {
        "name": f"captwin:core:{sidecar.top}:{version('captwin')}",
        "description": f"spiking neural network core, build id {sidecar.build_id}",
        "filesets": {
            "rtl": {"files": [verilog], "file_type": "verilogSource"},
            "tb": {"files": [testbench], "file_type": "verilogSource"},
            "sdc": {"files": [sdc], "file_type": "SDC"},
            "xdc": {"files": [xdc], "file_type": "xdc"},
        },
        "targets": {
            "default": {"filesets": ["rtl", "tool_vivado? (xdc)", "!tool_vivado? (sdc)"], "toplevel": sidecar.top},
            "sim": {
                "filesets": ["rtl", "tb"],
                "toplevel": bench,
                "flow": "sim",
                "flow_options": {"tool": "icarus", "iverilog_options": ["-g2005"]},
            },
        },
    }
    # YAML holds JSON: nothing in it needs another way of quoting.
    return f"CAPI=2:\n# {blank_mark(FUSESOC)}\n{json.dumps(content, indent=2)}\n"
