"""How fast a neuron's membrane and column drift while all clocks rest, in ngspice."""

import math
import re
from typing import NamedTuple

from captwin.sim.spice.benches.bench import HELD, SECONDS_TO_START, Bench, start_mismatch
from captwin.sim.spice.benches.bench_file import bench_sections, row_clock
from captwin.sim.spice.netlist import check_usable, echoed, ending_reason
from captwin.sim.spice.ngspice import SpiceError, run_deck

#: cycles over which the drift is watched
CYCLES = 8


class Drift(NamedTuple):
    """What leaks away; V a cycle, signed."""

    membrane: float
    column: float


def drift(bench: Bench, v: float) -> Drift:
    """The mean drift over CYCLES in which all clocks rest, of a neuron without a spike whose membrane begins at ``v`` V
    and whose column begins at V_ref.

    Raises :class:`SpiceError` if ngspice does not reach the end.
    """
    sections, span = bench_sections(), CYCLES * row_clock().period
    clocks = re.sub(r"pulse\((\S+) .*?\)", r"\1", sections["clocks"])
    text = f"{clocks}.param start_v={v!r}\nccolumn col 0 {{c_column}}\n{sections['neuron']}"
    text += f".option reltol=1e-6 vntol=1n abstol=1e-16\n.tran 1n {span:.9g} 0 1n"
    lines = [bench.around(text), ".control", "run", "let last=length(time)-1", "let t_end=time[last]"]
    # The first cycle is left out, in which nodes settle that the membrane is coupled to.
    for node in ("mem", "col"):
        lines += [f"meas tran {node}_early find v({node}) at={span / CYCLES:.9g}", f"let {node}_end=v({node})[last]"]
        lines.append(f"let {node}_moved=({node}_end-{node}_early)*1e6")
    lines += [f"let start_{node}=v({node})[0]" for node in HELD]
    lines.append("echo captwin start " + " ".join(f"$&start_{node}" for node in HELD))
    lines += ["echo captwin drift $&t_end $&mem_moved $&col_moved", "quit", ".endc", ".end", ""]
    output = run_deck("\n".join(lines), SECONDS_TO_START)
    check_usable(output, bench.circuit)
    starts, ends = echoed(output, "start", len(HELD)), echoed(output, "drift", 3)
    if not starts or not ends or not all(map(math.isfinite, ends[0])) or ends[0][0] < 0.999 * span:
        raise SpiceError(f"{bench.circuit}: ngspice did not reach the end: {ending_reason(output)}")
    if reason := start_mismatch(bench.held(v, fired=False), dict(zip(HELD, starts[0], strict=True))):
        raise SpiceError(f"{bench.circuit}: {reason}")
    return Drift(*(1e-6 * moved / (CYCLES - 1) for moved in ends[0][1:]))
