"""A netlist's bias circuit: where its references come from.

A netlist may hold a second subcircuit, ``bias``, made of the same devices as the neuron. Its operating point under the
conditions of the bench is what V_ref and V_reset are; so the references follow the process and the temperature. The
neurons of a chip share one bias, and take its outputs through ideal buffers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from captwin.sim.spice.netlist import check_usable, echoed, ending_reason
from captwin.sim.spice.ngspice import SpiceError, run_deck

#: ports of the subcircuit ``bias``, in this order
BIAS_PORTS = ["vdd", "vref", "vreset"]
#: decimals of a volt that are kept: 10 uV, so that every release of ngspice finds the same references
DECIMALS = 5
#: s that ngspice may take to find an operating point, the largest models included
SECONDS_TO_SOLVE = 120.0
#: A that a reference must be able to give, and V that it may fall by then: leakage alone holds one that falls further
LOAD, SAG = 1e-12, 5e-3


@dataclass(frozen=True)
class Bias:
    """Operating point of a bias circuit."""

    v_ref: float  #: V
    v_reset: float  #: V
    current: float  #: A that it draws from the supply

    @property
    def text(self) -> str:
        """The references as a line of a netlist."""
        return f".param v_ref={self.v_ref!r} v_reset={self.v_reset!r}"


#: stands for the references where they are not solved yet: axes may be given by a v_ref that no ``.param`` states
UNSOLVED = Bias(0.0, 0.0, 0.0).text


def solve_bias(path: Path, netlist: str, devices: str, temperature: float, seed: int | None = None) -> Bias | None:
    """The operating point of the bias circuit of ``netlist``, the text of the file ``path``, at ``temperature`` deg C;
    None if it has no bias circuit. ``seed`` is of ngspice's random numbers, where ``devices`` are statistical ones.

    What the bias makes goes before what ``.param`` lines say of v_ref and v_reset, so a netlist need not state them.
    Raises :class:`SpiceError` if its ports are others, if it has no operating point, or if a reference lies outside
    the supply or floats.
    """
    lines = re.sub(r"\n[+]", " ", netlist)
    heading = re.search(r"^\.(?:subckt|macro)\s+bias(?:\s+(.*))?$", lines, re.MULTILINE | re.IGNORECASE)
    if heading is None:
        return None
    if (heading[1] or "").lower().split() != BIAS_PORTS:
        raise SpiceError(f"{path}: .subckt bias must have just these ports, in this order: {' '.join(BIAS_PORTS)}")
    output = run_deck(_deck(f"{devices}\n{netlist}", temperature, seed), SECONDS_TO_SOLVE)
    check_usable(output, str(path))
    points = echoed(output, "bias", 4)
    if not points:
        raise SpiceError(f"{path}: bias: no operating point at {temperature:g} deg C: {ending_reason(output)}")
    v_ref, v_reset, current, supply = points[0]
    loaded = echoed(output, "loaded", 2)
    for place, name in enumerate(("v_ref", "v_reset")):
        if not loaded or points[0][place] - loaded[0][place] > SAG:
            raise SpiceError(
                f"{path}: bias: {name} floats: it cannot give even {LOAD:g} A; connect it to what makes it"
            )
    for name, volts in (("v_ref", v_ref), ("v_reset", v_reset)):
        if not 0 <= volts <= supply:
            raise SpiceError(
                f"{path}: bias: {name} is {volts:.4g} V at {temperature:g} deg C, outside the supply of {supply:g} V"
            )
    return Bias(round(v_ref, DECIMALS), round(v_reset, DECIMALS), current)


def _deck(circuit: str, temperature: float, seed: int | None) -> str:
    names = "v(captwin_vref)", "v(captwin_vreset)", "-i(vcaptwin)", "v(captwin_vdd)"
    lines = [
        "* captwin",
        circuit,
        UNSOLVED,
        "vcaptwin captwin_vdd 0 {supply}",
        "xcaptwin captwin_vdd captwin_vref captwin_vreset bias",
        *(f"icaptwin_{port} captwin_{port} 0 0" for port in BIAS_PORTS[1:]),
        # ngspice takes a node that nothing else is connected to for a ground.
        *(f"rcaptwin_{port} captwin_{port} 0 1e15" for port in BIAS_PORTS[1:]),
        f".temp {temperature!r}",
        ".control",
        "set numdgt=12",
        *([] if seed is None else [f"setseed {seed}", "reset"]),
        "op",
        *(f"let bias_{number}={name}" for number, name in enumerate(names)),
        "echo captwin bias " + " ".join(f"$&bias_{number}" for number in range(len(names))),
        "destroy all",
        *(f"alter icaptwin_{port}={LOAD!r}" for port in BIAS_PORTS[1:]),
        "op",
        *(f"let loaded_{number}={name}" for number, name in enumerate(names[:2])),
        "echo captwin loaded $&loaded_0 $&loaded_1",
    ]
    return "\n".join([*lines, "quit", ".endc", ".end", ""])
