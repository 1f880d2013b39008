"""Lattice iCE40-HX8K breakout board."""

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

from captwin.boards.board import Board, SerialLine
from captwin.boards.families.fabric import Limits
from captwin.boards.families.ice40 import Ice40
from captwin.boards.flasher import ICEPROG

BOARD = Board(
    name="ice40-hx8k",
    title="iCE40-HX8K breakout",
    platform=ICE40HX8KBEVNPlatform,
    family=Ice40(dsp=False, pll_pad=False),
    part={"size": "hx8k", "package": "ct256"},
    limits=Limits(luts=7_680, flip_flops=7_680, block_rams=32, multipliers=0),
    clock_hz=66e6,
    line=SerialLine(baud=12e6, bridge=(0x0403, 0x6010)),
    leds=tuple(f"led.{n}" for n in range(6)),
    pixel_lanes=4,
    row_banks=1,
    lanes=1,
    loadable=True,
    flasher=ICEPROG,
)
