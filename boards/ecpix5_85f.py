"""LambdaConcept ECPIX-5 with the larger ECP5 (speed grade 8)."""

from amaranth_boards.ecpix5 import ECPIX585Platform

from captwin.boards.board import Board, SerialLine
from captwin.boards.families.ecp5 import Ecp5
from captwin.boards.families.fabric import Limits
from captwin.boards.flasher import open_fpga_loader

BOARD = Board(
    name="ecpix5-85f",
    title="ECPIX-5 85F",
    platform=ECPIX585Platform,
    family=Ecp5(),
    part={"size": "um5g-85k", "package": "CABGA554", "speed": "8"},
    limits=Limits(luts=83_640, flip_flops=83_640, block_rams=208, multipliers=156),
    clock_hz=100e6,
    line=SerialLine(baud=12e6, bridge=(0x0403, 0x6010)),
    leds=("rgb_led.0.g", "rgb_led.0.b", "rgb_led.0.r", "rgb_led.1.r", "rgb_led.2.r", "rgb_led.3.r"),
    pixel_lanes=32,
    row_banks=4,
    lanes=8,
    loadable=False,
    flasher=open_fpga_loader("ecpix5"),
)
