"""The cocotb bench of a :class:`tests.system.netlists.probe.Probe`: sends images, collects answers byte by byte."""

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

#: clock cycles without a beat after which the netlist is said to hang
PATIENCE = 20_000


@cocotb.test()
async def answers(dut: Any) -> None:
    """Writes the bytes of each answer to ``answers.json``; what they should be is judged outside."""
    folder = Path(os.environ["CAPTWIN_JOB"])
    images = np.load(folder / "images.npy", allow_pickle=False)
    pixels = [int(code) for image in images for code in image]
    dice = random.Random(1)
    received: list[list[int]] = [[]]
    dut.rst.value = 1
    dut.pixels__valid.value = 0
    dut.pixels__payload.value = 0
    dut.answer__ready.value = 0
    Clock(dut.clk, 10, "ns").start()
    for _ in range(10):
        await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    quiet = 0
    while len(received) <= len(images):
        # Inputs change at the falling edge, so that delays in the netlist cannot matter.
        await FallingEdge(dut.clk)
        offered = bool(pixels) and dice.random() < 0.9
        open_ = dice.random() < 0.9
        dut.pixels__valid.value = int(offered)
        if offered:
            dut.pixels__payload.value = pixels[0]
        dut.answer__ready.value = int(open_)
        await RisingEdge(dut.clk)
        quiet += 1
        assert quiet < PATIENCE, f"nothing moves any more; {len(received) - 1} answers so far"
        if offered and dut.pixels__ready.value == 1:
            pixels.pop(0)
            quiet = 0
        if open_ and dut.answer__valid.value == 1:
            received[-1].append(dut.answer__payload.value.to_unsigned())
            quiet = 0
            if dut.last.value == 1:
                received.append([])
    (folder / "answers.json").write_text(json.dumps(received[:-1]))
