"""Radiona ULX3S with the largest ECP5: the reference board."""

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from captwin.boards.board import Board, SerialLine
from captwin.boards.families.ecp5 import Ecp5
from captwin.boards.families.fabric import Limits
from captwin.boards.flasher import open_fpga_loader

BOARD = Board(
    name="ulx3s-85f",
    title="ULX3S-85F",
    platform=ULX3S_85F_Platform,
    family=Ecp5(),
    part={"size": "85k", "package": "CABGA381", "speed": "6"},
    limits=Limits(luts=83_640, flip_flops=83_640, block_rams=208, multipliers=156),
    clock_hz=100e6,
    line=SerialLine(baud=3e6, bridge=(0x0403, 0x6015)),
    leds=tuple(f"led.{n}" for n in range(6)),
    pixel_lanes=64,
    row_banks=4,
    lanes=8,
    loadable=False,
    flasher=open_fpga_loader("ulx3s"),
    reference=True,
)
