"""cocotb: images into an AXI4-Stream core, answers out, with pauses on both sides."""

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge


async def send(dut: Any, images: list[list[int]], lanes: int, dice: random.Random, misplace: bool) -> None:
    """Beats of ``lanes`` pixels; ``tlast`` at each image's end, or, for the last image, a beat too early."""
    for number, image in enumerate(images):
        for start in range(0, len(image), lanes):
            while dice.random() < 0.3:
                dut.s_axis_tvalid.value = 0
                await RisingEdge(dut.aclk)
            early = misplace and number == len(images) - 1
            dut.s_axis_tdata.value = int.from_bytes(bytes(image[start : start + lanes]), "little")
            dut.s_axis_tlast.value = int(start + lanes * (2 if early else 1) >= len(image))
            dut.s_axis_tvalid.value = 1
            await ReadOnly()
            while not dut.s_axis_tready.value:
                await RisingEdge(dut.aclk)
                await ReadOnly()
            await RisingEdge(dut.aclk)
    dut.s_axis_tvalid.value = 0


async def receive(dut: Any, count: int, dice: random.Random) -> list[str]:
    """So many packets, each as hexadecimal bytes; data must rest while nobody takes them."""
    packets, packet, held = [], b"", None
    while len(packets) < count:
        dut.m_axis_tready.value = int(dice.random() < 0.6)
        await ReadOnly()
        taken = dut.m_axis_tvalid.value and dut.m_axis_tready.value
        if dut.m_axis_tvalid.value:
            beat = tuple(int(getattr(dut, f"m_axis_{name}").value) for name in ("tdata", "tkeep", "tlast"))
            assert held in (None, beat)
            held = None if taken else beat
            if taken:
                data, keep, last = beat
                packet += data.to_bytes(4, "little")[: keep.bit_count()]
                if last:
                    packets.append(packet.hex())
                    packet = b""
        await RisingEdge(dut.aclk)
    return packets


@cocotb.test()
async def answers(dut: Any) -> None:
    # pytest, which is installed here, has no part in what a simulator imports: that would take seconds.
    assert not any(type(finder).__module__.startswith("_pytest") for finder in sys.meta_path)
    folder = Path(os.environ["CAPTWIN_JOB"])
    job = json.loads((folder / "job.json").read_text())
    for name in ("s_axis_tdata", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready", "aresetn"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    for _ in range(5):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)
    dice = [random.Random(f"{job['seed']} {side}") for side in ("send", "receive")]
    cocotb.start_soon(send(dut, job["images"], job["lanes"], dice[0], job["misplace"]))
    packets = await receive(dut, len(job["images"]), dice[1])
    (folder / "outcome.json").write_text(json.dumps({"packets": packets, "misaligned": int(dut.misaligned.value)}))
