"""1BitSquared iCEBreaker (iCE40-UP5K)."""

from amaranth_boards.icebreaker import ICEBreakerPlatform

from captwin.boards.board import Board, SerialLine
from captwin.boards.families.fabric import Limits
from captwin.boards.families.ice40 import Ice40
from captwin.boards.flasher import ICEPROG

BOARD = Board(
    name="icebreaker",
    title="iCEBreaker",
    platform=ICEBreakerPlatform,
    family=Ice40(dsp=True, pll_pad=True),
    part={"size": "up5k", "package": "sg48"},
    limits=Limits(luts=5_280, flip_flops=5_280, block_rams=30, multipliers=8),
    clock_hz=30e6,
    line=SerialLine(baud=12e6, bridge=(0x0403, 0x6010)),
    leds=("led.0", "led.1"),
    pixel_lanes=4,
    row_banks=1,
    lanes=1,
    loadable=False,
    flasher=ICEPROG,
)
