"""Runs images through a compiled core and compares every number that comes out with the golden model."""

import contextlib
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.progress import Progress, StepCounter, silent
from captwin.hw.support.tools import tool_environment
from captwin.sim import golden
from captwin.sim.rtl.block_scoreboard import BlockScoreboard
from captwin.sim.rtl.scoreboard import SURPLUS, TRACED, Divergence, patience
from captwin.sim.rtl.twin import Twin
from captwin.sim.rtl.twin_output import TwinOutput

#: programs at once. Not the machine's cores, so that cycles and counters are the same everywhere.
PARTS = 2
#: images that the program hands over at once
CHUNK = 128


@dataclass(frozen=True)
class Verification:
    """What came of comparing a compiled core with the golden model. Cycles are clock cycles of the core."""

    images: int
    labels: np.ndarray  #: (images,) classes that the gates named
    compared: dict[str, int]  #: numbers compared, by signal
    mismatches: int
    first_divergence: Divergence | None
    latency_cycles: np.ndarray  #: (images,) from an image's first pixel to its result, which the core gives itself
    interval_cycles: np.ndarray  #: distances of results that follow each other
    total_cycles: int  #: of all programs, each until its last result
    counters: dict[str, int]  #: the cores' own, added up
    events_per_cycle: list[float]  #: row events of each layer, per clock cycle
    run_seconds: float

    def images_per_s(self, clock_hz: float) -> float | None:
        """Throughput of the gates at that clock, images back to back; a single image has none."""
        return clock_hz / float(self.interval_cycles.mean()) if len(self.interval_cycles) else None

    def latency_s(self, clock_hz: float) -> tuple[float, float, float]:
        """Least, median and largest time from an image's first pixel to its result, at that clock."""
        least, median, most = (float(pick(self.latency_cycles)) / clock_hz for pick in (np.min, np.median, np.max))
        return least, median, most


def verify(
    twin: Twin,
    chip: Chip,
    pixels: np.ndarray,
    progress: Progress = silent,
    *,
    interval: int = 0,
) -> Verification:
    """Runs ``pixels``, (images, pixels) uint8, through ``twin`` and compares every number with golden's for ``chip``.

    The images are shared out to PARTS programs, each of which gets its own every ``interval`` clock cycles, or back to
    back where the gates are slower. ``progress`` is called from other threads with how many images are compared. A
    mismatch is reported, not raised. Raises :class:`CaptwinError` if the gates hang or the images do not have the
    chip's size.

    >>> chip, digits = captwin.load_chip("digits-tiny"), captwin.load_dataset("digits")
    >>> captwin.verify(captwin.compile_gates(chip), chip, digits.test_images[:50]).mismatches
    0
    """
    golden.check_pixels(chip, pixels)
    start = perf_counter()
    shares = [share for share in np.array_split(np.arange(len(pixels)), PARTS) if len(share)]
    steps = StepCounter(progress, "images compared", len(pixels))
    scores = [BlockScoreboard(twin, chip, int(share[0])) for share in shares]
    with contextlib.ExitStack() as stack:
        programs = [_start(stack, twin, pixels[share], interval) for share in shares]
        pool = stack.enter_context(ThreadPoolExecutor(len(programs)))
        jobs = [
            pool.submit(score.follow, TwinOutput(program), pixels[share], steps)
            for score, program, share in zip(scores, programs, shares, strict=True)
        ]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            for program in programs:  # their threads, which the pool waits for, then find the end of the stream
                program.kill()
            raise
    return _verification(twin, chip, scores, perf_counter() - start)


def _start(stack: contextlib.ExitStack, twin: Twin, pixels: np.ndarray, interval: int) -> subprocess.Popen[bytes]:
    """Starts a program of ``twin`` on ``pixels``; the end of ``stack`` ends it."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="captwin-"))  # the Verilog may write files
    with tempfile.TemporaryFile() as images:
        images.write(np.ascontiguousarray(pixels).data)
        images.seek(0)
        program = subprocess.Popen(
            [str(twin.program), *map(str, (CHUNK, patience(twin.sidecar), SURPLUS, interval))],
            cwd=folder,
            env=tool_environment(),
            stdin=images,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    stack.enter_context(program)
    stack.callback(program.kill)
    return program


def _verification(twin: Twin, chip: Chip, scores: list[BlockScoreboard], seconds: float) -> Verification:
    """What all programs' ``scores`` come to together."""
    counters: Counter[str] = Counter()
    for score in scores:
        counters.update(score.counters)
    divergences = [entry for score in scores for entry in score.divergences]
    labels = np.concatenate([labels for score in scores for labels in score.labels])
    result_cycles = [np.concatenate(score.result_cycles).astype(np.int64) for score in scores]
    cycles = sum(int(results[-1]) for results in result_cycles)
    numbers = len(labels) * chip.encoder.steps * sum(chip.sizes[1:]) * twin.sidecar.options.trace
    return Verification(
        images=len(labels),
        labels=labels,
        compared=dict.fromkeys(TRACED, numbers),
        mismatches=sum(score.mismatches for score in scores),
        first_divergence=min(divergences, key=lambda entry: entry[0])[1] if divergences else None,
        latency_cycles=np.concatenate([latencies for score in scores for latencies in score.latencies]),
        interval_cycles=np.concatenate([np.diff(results) for results in result_cycles]),
        total_cycles=cycles,
        counters=dict(counters),
        events_per_cycle=[counters[f"events[{layer}]"] / cycles for layer in range(len(chip.layers))],
        run_seconds=seconds,
    )
