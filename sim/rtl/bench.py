"""The cocotb bench: runs inside the simulator, feeds images, and scores every word that comes out.

:mod:`captwin.sim.rtl.simulate` starts it and passes the job by the environment variable ``CAPTWIN_JOB``.
"""

import json
import os
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Payload, Sidecar, read_sidecar
from captwin.hw.support.files import write_atomically
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.rtl.scoreboard import Scoreboard

#: clock cycles without a beat on any stream after which the gates are said to hang
PATIENCE = 20_000
#: clock cycles to wait for beats too many when all have come
SURPLUS = 100


class Stopped(Exception):
    """The gates do what no comparison goes on from; the message is one line."""


def number(signal: Any, cycle: int) -> int:
    """The bits of ``signal``; :class:`Stopped` if some of them are unknown."""
    value = signal.value
    if not value.is_resolvable:
        raise Stopped(f"{signal._name} has unknown bits (X or Z) in clock cycle {cycle}")
    return int(value.to_unsigned())


class Source:
    """Drives the pixel stream, image after image, pausing at random."""

    def __init__(self, dut: Any, images: np.ndarray, sidecar: Sidecar, pause: "Dice") -> None:
        self._dut = dut
        self._pause = pause
        lanes = sidecar.options.pixel_lanes
        payload = Payload(sidecar.port("pixels__payload").fields)
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

    def __init__(self, dut: Any, name: str, sidecar: Sidecar, pause: "Dice") -> None:
        self._name = name
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._fields = Payload(sidecar.port(f"{name}__payload").fields)
        self._pause = pause
        self._open = True
        self._waiting: int | None = None
        self.offered = 0  #: clock cycle in which the latest beat first stood there
        self._ready.value = 1

    def step(self, cycle: int) -> dict[str, int] | None:
        """To be called right after each clock edge: the beat that moved at the edge, if one did."""
        beat = None
        if self._valid.value == 1:
            bits = number(self._payload, cycle)
            if self._waiting is None:
                self.offered = cycle
            if self._waiting not in (None, bits):
                raise Stopped(f"{self._name}__payload changed while it was held up, in clock cycle {cycle}")
            self._waiting = None if self._open else bits
            if self._open:
                beat = self._fields.unpack(bits)
        elif self._waiting is not None:
            raise Stopped(f"{self._name}__valid fell while it was held up, in clock cycle {cycle}")
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
    arriving = int(encode(chip.encoder, images).sum())
    counters = {}
    for number, (layer, trace) in enumerate(zip(chip.layers, reference.traces, strict=True)):
        counters[f"events[{number}]"] = arriving
        counters[f"spikes[{number}]"] = arriving = int(trace.spikes.sum())
        counters[f"saturated[{number}]"] = int(golden.saturates(layer, chip.formats, trace.sums).sum())
    return counters


@cocotb.test()
async def compare(dut: Any) -> None:
    """Every sum, drive, membrane, spike and result of every image against the golden model."""
    folder = Path(os.environ["CAPTWIN_JOB"])
    job = json.loads((folder / "job.json").read_text())
    run = Run(
        dut=dut,
        sidecar=read_sidecar(Path(job["sidecar"])),
        chip=Chip.load(folder / "chip.safetensors"),
        images=np.load(folder / "images.npy", allow_pickle=False),
        stall=job["stall"],
        seed=job["seed"],
    )
    outcome: dict[str, Any] = {"stopped": None}
    try:
        outcome |= await run.compare()
    except Stopped as reason:
        outcome["stopped"] = str(reason)
    write_atomically(folder / "outcome.json", json.dumps(outcome))


@dataclass(frozen=True)
class Run:
    """What is to be done."""

    dut: Any
    sidecar: Sidecar
    chip: Chip
    images: np.ndarray
    stall: float
    seed: int

    def dice(self, name: str) -> Dice:
        return Dice(self.stall, f"{self.seed} {name}")

    async def compare(self) -> dict[str, Any]:
        """What came of it, for :mod:`captwin.sim.rtl.simulate`."""
        dut, chip, sidecar = self.dut, self.chip, self.sidecar
        reference = golden.run(chip, self.images, trace=True)
        score = Scoreboard(reference, sidecar.options.lanes, traced=sidecar.options.trace)
        # Every input is driven before the first edge: an undriven one would be X in Icarus.
        for port in sidecar.ports:
            if port.direction == "input" and port.name != "clk":
                getattr(dut, port.name).value = int(port.name == "rst")
        layers = range(len(chip.layers)) if sidecar.options.trace else ()
        traces = [Sink(dut, f"trace{n}", sidecar, self.dice(f"trace{n}")) for n in layers]
        results = Sink(dut, "result", sidecar, self.dice("result"))
        source = Source(dut, self.images, sidecar, self.dice("pixels"))
        Clock(dut.clk, 10, "ns").start()
        edge = RisingEdge(dut.clk)
        for _ in range(3):
            await edge
        dut.rst.value = 0
        await edge
        if self.stall:
            await reset_midway(dut, edge, random.Random(f"{self.seed} reset").randrange(300))

        beats_per_image = -(-chip.pixels // sidecar.options.pixel_lanes)
        starts: list[int] = []
        answers: list[tuple[int, int, int]] = []  # clock cycle, latency, label
        # Without traces nothing is heard of an image until its answer.
        patience = PATIENCE + (0 if sidecar.options.trace else sidecar.silence)
        beats, cycle, quiet = 0, 0, 0
        while quiet < (SURPLUS if score.complete else patience):
            await edge
            cycle += 1
            quiet += 1
            if source.step(dut.pixels__ready.value == 1):
                if beats % beats_per_image == 0:
                    starts.append(cycle)
                beats += 1
                quiet = 0
            # Beats too many are scored, but never keep the bench going.
            for layer, trace in enumerate(traces):
                word = trace.step(cycle)
                if word is not None and score.take_word(layer, word, cycle):
                    quiet = 0
            result = results.step(cycle)
            if result is not None:
                start = starts[score.results] if score.results < len(starts) else results.offered
                if score.take_result(result, cycle, expected_cycles=results.offered - start):
                    answers.append((cycle, result["cycles"], result["label"]))
                    quiet = 0

        counters = Payload(sidecar.port("counters").fields).unpack(number(dut.counters, cycle))
        if score.complete:  # else they say no more than that something is missing
            score.take_counters(counters, expected_counters(chip, self.images, reference), cycle)
            score.take_build_id(number(dut.build_id, cycle), chip.build_id, cycle)
        return {
            "complete": score.complete,
            "compared": score.compared,
            "mismatches": score.mismatches,
            "first_divergence": asdict(score.first) if score.first else None,
            "labels": [label for _, _, label in answers],
            "result_cycles": [when for when, _, _ in answers],
            "latencies": [latency for _, latency, _ in answers],
            "cycles": cycle,
            "counters": counters,
        }
