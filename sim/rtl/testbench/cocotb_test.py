"""The cocotb testbench: runs inside the simulator, feeds images, and scores every word that comes out.

:mod:`captwin.sim.rtl.simulate` starts it and names the folder of its job by the environment variable ``CAPTWIN_JOB``.
"""

import os
import random
from pathlib import Path
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from captwin.hw.export.sidecar import Payload, Sidecar, read_sidecar
from captwin.sim import golden
from captwin.sim.rtl.scoreboard import SURPLUS, Scoreboard, expected_counters, patience
from captwin.sim.rtl.testbench.job import Job, Outcome
from captwin.sim.rtl.testbench.streams import Dice, Sink, Source, Stopped, number


@cocotb.test()
async def compare(dut: Any) -> None:
    """Every sum, drive, membrane, spike and result of every image against the golden model."""
    folder = Path(os.environ["CAPTWIN_JOB"])
    try:
        outcome = await Comparison(dut, Job.read(folder)).run()
    except Stopped as reason:
        outcome = Outcome(stopped=str(reason))
    outcome.write(folder)


class _Answer(NamedTuple):
    cycle: int
    latency: int
    label: int


class Comparison:
    """A job's images through the core ``dut``, and every beat that comes out to a scoreboard."""

    def __init__(self, dut: Any, job: Job) -> None:
        self._dut, self._job = dut, job
        self._sidecar = sidecar = read_sidecar(job.sidecar)
        self._reference = golden.run(job.chip, job.images, trace=True)
        self._score = Scoreboard(self._reference, sidecar.trace_lanes, traced=sidecar.options.trace)
        _drive_inputs(dut, sidecar)
        layers = range(len(job.chip.layers)) if sidecar.options.trace else ()
        self._traces = [Sink(dut, f"trace{n}", sidecar, self._dice(f"trace{n}")) for n in layers]
        self._results = Sink(dut, "result", sidecar, self._dice("result"))
        self._source = Source(dut, job.images, sidecar, self._dice("pixels"))
        self._beats_per_image = -(-job.chip.pixels // sidecar.options.pixel_lanes)
        self._beats = self._cycle = 0
        self._starts: list[int] = []  # clock cycle of each image's first pixels
        self._answers: list[_Answer] = []

    async def run(self) -> Outcome:
        """What came of it; :class:`Stopped` if the comparison cannot go on."""
        edge = RisingEdge(self._dut.clk)
        await self._start(edge)
        quiet = 0
        while quiet < (SURPLUS if self._score.complete else patience(self._sidecar)):
            await edge
            quiet = 0 if self._step() else quiet + 1
        return self._outcome()

    def _dice(self, stream: str) -> Dice:
        return Dice(self._job.stalls.probability, f"{self._job.stalls.seed} {stream}")

    async def _start(self, edge: RisingEdge) -> None:
        """Starts the clock and resets the core."""
        Clock(self._dut.clk, 10, "ns").start()
        for _ in range(3):
            await edge
        self._dut.rst.value = 0
        await edge
        if self._job.stalls.probability:
            await _reset_midway(self._dut, edge, random.Random(f"{self._job.stalls.seed} reset").randrange(300))

    def _step(self) -> bool:
        """To be called after each clock edge; whether a beat moved that was expected.

        Beats too many are scored, but never keep the testbench going.
        """
        self._cycle += 1
        moved = self._source.step()
        if moved:
            if self._beats % self._beats_per_image == 0:
                self._starts.append(self._cycle)
            self._beats += 1
        for layer, trace in enumerate(self._traces):
            word = trace.step(self._cycle)
            if word is not None and self._score.take_word(layer, word, self._cycle):
                moved = True
        return self._take_result() or moved

    def _take_result(self) -> bool:
        result = self._results.step(self._cycle)
        if result is None:
            return False
        offered, image = self._results.offered, self._score.results
        start = self._starts[image] if image < len(self._starts) else offered
        if not self._score.take_result(result, self._cycle, expected_cycles=offered - start):
            return False
        self._answers.append(_Answer(self._cycle, result["cycles"], result["label"]))
        return True

    def _outcome(self) -> Outcome:
        score, chip, dut, cycle = self._score, self._job.chip, self._dut, self._cycle
        counters = Payload(self._sidecar.port("counters").fields).unpack(number(dut.counters, cycle))
        if score.complete:  # else they say no more than that something is missing
            changes = self._sidecar.options.change_events
            expected = expected_counters(chip, self._job.images, self._reference, change_events=changes)
            score.take_counters(counters, expected, cycle)
            score.take_build_id(number(dut.build_id, cycle), chip.build_id, cycle)
        return Outcome(
            stopped=None,
            complete=score.complete,
            compared=score.compared,
            mismatches=score.mismatches,
            first_divergence=score.first,
            labels=[answer.label for answer in self._answers],
            result_cycles=[answer.cycle for answer in self._answers],
            latencies=[answer.latency for answer in self._answers],
            cycles=cycle,
            counters=counters,
        )


def _drive_inputs(dut: Any, sidecar: Sidecar) -> None:
    """Gives every input a value before the first edge: one that is not driven would be X in Icarus."""
    for port in sidecar.ports:
        if port.direction == "input" and port.name != "clk":
            getattr(dut, port.name).value = int(port.name == "rst")


async def _reset_midway(dut: Any, edge: RisingEdge, cycles: int) -> None:
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
