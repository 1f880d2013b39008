"""The cocotb bench: runs inside the simulator, feeds images, and scores every word that comes out.

:mod:`sim.rtl.runner` starts it and passes the job by the environment variable ``CAPTWIN_JOB``.
"""

import json
import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hw.chip import Chip
from hw.support.files import write_atomically
from sim import golden
from sim.encode import encode_step
from sim.rtl.ports import Payload
from sim.rtl.scoreboard import Scoreboard

#: clock cycles without a beat on any stream after which the gates are said to hang
PATIENCE = 20_000
#: clock cycles to wait for beats too many when all have come
SURPLUS = 100


class Source:
    """Drives the pixel stream, image after image, pausing at random."""

    def __init__(self, dut: Any, images: np.ndarray, sidecar: dict[str, Any], pause: "Dice") -> None:
        self._dut = dut
        self._pause = pause
        lanes = sidecar["options"]["pixel_lanes"]
        payload = Payload.of_port(sidecar, "pixels__payload")
        self._beats = iter(
            [
                payload.pack({f"[{n}]": int(code) for n, code in enumerate(image[start : start + lanes])})
                for image in images
                for start in range(0, len(image), lanes)
            ]
        )
        self._offering = False

    def step(self, ready: bool) -> bool:
        """To be called after each clock edge; ``ready`` as it was at the edge. Whether a beat was taken."""
        taken = self._offering and ready
        if taken or not self._offering:
            beat = None if self._pause.roll() else next(self._beats, None)
            self._offering = beat is not None
            self._dut.pixels__valid.value = int(self._offering)
            if beat is not None:
                self._dut.pixels__payload.value = beat
        return taken


class Sink:
    """Watches one outgoing stream, holding it up at random."""

    def __init__(self, dut: Any, name: str, sidecar: dict[str, Any], pause: "Dice") -> None:
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._fields = Payload.of_port(sidecar, f"{name}__payload")
        self._pause = pause
        self._open = True
        self._waiting: int | None = None
        self.offered = 0  #: clock cycle in which the latest beat first stood there
        self._ready.value = 1

    def step(self, cycle: int) -> dict[str, int] | None:
        """To be called right after each clock edge: the beat that moved at the edge, if one did."""
        beat = None
        if self._valid.value == 1:
            bits = self._payload.value.to_unsigned()
            if self._waiting is None:
                self.offered = cycle
            assert self._waiting in (None, bits), f"{self._payload._name} changed while it was held up"
            self._waiting = None if self._open else bits
            if self._open:
                beat = self._fields.unpack(bits)
        else:
            assert self._waiting is None, f"{self._valid._name} fell while it was held up"
        if self._pause.used:
            self._open = not self._pause.roll()
            self._ready.value = int(self._open)
        return beat


class Dice:
    """Says "pause" with the given chance."""

    def __init__(self, chance: float, seed: str) -> None:
        self._chance = chance
        self._random = random.Random(seed)
        self.used = chance > 0

    def roll(self) -> bool:
        return self.used and self._random.random() < self._chance


async def reset_midway(dut: Any, edge: RisingEdge, cycles: int) -> None:
    """Sends white pixels for some cycles and then resets: nothing of them may show afterwards."""
    dut.pixels__payload.value = (1 << len(dut.pixels__payload)) - 1
    dut.pixels__valid.value = 1
    for _ in range(cycles):
        await edge
    dut.pixels__valid.value = 0
    dut.rst.value = 1
    await edge
    dut.rst.value = 0
    await edge


def expected_counters(chip: Chip, images: np.ndarray, reference: golden.Inference) -> dict[str, int]:
    """What the core must have counted: row events, spikes and clamped drives of each layer."""
    arriving = sum(int(encode_step(chip.encoder, images, step).sum()) for step in range(chip.encoder.steps))
    counters = {}
    for number, (layer, trace) in enumerate(zip(chip.layers, reference.traces, strict=True)):
        counters[f"events[{number}]"] = arriving
        counters[f"spikes[{number}]"] = arriving = int(trace.s.sum())
        counters[f"saturated[{number}]"] = int(golden.saturates(layer, chip.formats, trace.acc).sum())
    return counters


@cocotb.test()
async def compare(dut: Any) -> None:
    """Every sum, drive, membrane, spike and result of every image against the golden model."""
    folder = Path(os.environ["CAPTWIN_JOB"])
    job = json.loads((folder / "job.json").read_text())
    sidecar = json.loads((folder / "core.json").read_text())
    chip = Chip.load(folder / "chip.safetensors")
    images = np.load(folder / "images.npy", allow_pickle=False)
    reference = golden.run(chip, images, trace=True)
    score = Scoreboard(reference, sidecar["options"]["lanes"])

    def dice(name: str) -> Dice:
        return Dice(job["stall"], f"{job['seed']} {name}")

    # Every input is driven before the first edge: an undriven one would be X in Icarus.
    dut.rst.value = 1
    dut.pixels__valid.value = 0
    dut.pixels__payload.value = 0
    traces = [Sink(dut, f"trace{n}", sidecar, dice(f"trace{n}")) for n in range(len(chip.layers))]
    results = Sink(dut, "result", sidecar, dice("result"))
    source = Source(dut, images, sidecar, dice("pixels"))
    Clock(dut.clk, 10, "ns").start()
    edge = RisingEdge(dut.clk)
    for _ in range(3):
        await edge
    dut.rst.value = 0
    await edge
    if job["stall"]:
        await reset_midway(dut, edge, random.Random(f"{job['seed']} reset").randrange(300))

    beats_per_image = -(-chip.pixels // sidecar["options"]["pixel_lanes"])
    starts: list[int] = []
    result_cycles: list[int] = []
    latencies: list[int] = []
    labels: list[int] = []
    beats, cycle, quiet = 0, 0, 0
    while quiet < (SURPLUS if score.complete else PATIENCE):
        await edge
        cycle += 1
        quiet += 1
        if source.step(dut.pixels__ready.value == 1):
            if beats % beats_per_image == 0:
                starts.append(cycle)
            beats += 1
            quiet = 0
        for layer, trace in enumerate(traces):
            word = trace.step(cycle)
            if word is not None:
                score.take_word(layer, word, cycle)
                quiet = 0
        result = results.step(cycle)
        if result is not None:
            score.take_result(result, cycle, expected_cycles=results.offered - starts[score.results])
            result_cycles.append(cycle)
            latencies.append(result["cycles"])
            labels.append(result["label"])
            quiet = 0

    counters = Payload.of_port(sidecar, "counters").unpack(dut.counters.value.to_unsigned())
    score.take_counters(counters, expected_counters(chip, images, reference), cycle)
    score.take_build_id(dut.build_id.value.to_unsigned(), chip.build_id, cycle)
    outcome = {
        "complete": score.complete,
        "compared": score.compared,
        "mismatches": score.mismatches,
        "first_divergence": asdict(score.first) if score.first else None,
        "labels": labels,
        "result_cycles": result_cycles,
        "latencies": latencies,
        "cycles": cycle,
        "counters": counters,
    }
    write_atomically(folder / "outcome.json", json.dumps(outcome))
