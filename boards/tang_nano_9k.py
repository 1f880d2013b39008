"""Sipeed Tang Nano 9K (Gowin GW1NR-9C)."""

from amaranth_boards.tang_nano_9k import TangNano9kPlatform

from captwin.boards.board import Board, SerialLine
from captwin.boards.families.fabric import Limits
from captwin.boards.families.gowin import Gowin
from captwin.boards.flasher import open_fpga_loader

BOARD = Board(
    name="tang-nano-9k",
    title="Tang Nano 9K",
    platform=TangNano9kPlatform,
    family=Gowin(),
    part={"part": "GW1NR-LV9QN88PC6/I5", "family": "GW1N-9C"},
    limits=Limits(luts=8_640, flip_flops=6_480, block_rams=26, multipliers=10),
    clock_hz=54e6,
    line=SerialLine(baud=3e6, bridge=(0x0403, 0x6010)),
    leds=tuple(f"led.{n}" for n in range(6)),
    pixel_lanes=1,
    row_banks=1,
    lanes=1,
    loadable=False,
    flasher=open_fpga_loader("tangnano9k"),
)
