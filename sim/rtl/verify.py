"""Runs images through a compiled core and compares every number that comes out with the golden model."""

import contextlib
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from io import BufferedReader
from threading import Thread
from time import perf_counter
from typing import cast

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.gates.core import COUNTER_BITS
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import tool_environment
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.rtl.scoreboard import TRACED, Divergence
from captwin.sim.rtl.twin import Twin

#: programs at once. Not the machine's cores, so that cycles and counters are the same everywhere.
PARTS = 2
#: images that the program hands over at once
CHUNK = 128
#: clock cycles without a beat on any stream after which the gates are said to hang
PATIENCE = 20_000
#: clock cycles to wait for beats too many when all have come
SURPLUS = 100

#: bytes of a program's text that are kept
LAST_WORDS = 2000

#: place of a divergence in the order of causes, and what it is
Found = tuple[tuple[int, ...], Divergence]
#: steps and layers after all others, for what comes after them
LATE = 1 << 32


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


@dataclass
class _Part:
    """What one program has said about its share of the images."""

    mismatches: int = 0
    found: list[Found] = field(default_factory=list)
    expected_counters: Counter[str] = field(default_factory=Counter)
    counters: dict[str, int] = field(default_factory=dict)
    labels: list[np.ndarray] = field(default_factory=list)
    latencies: list[np.ndarray] = field(default_factory=list)
    beats: list[np.ndarray] = field(default_factory=list)

    def differ(self, expected: np.ndarray, got: np.ndarray) -> tuple[tuple[int, ...], int, int] | None:
        """Counts where two arrays differ; the first place, and the numbers expected and got there."""
        if np.array_equal(expected, got):
            return None
        different = expected != got
        self.mismatches += int(different.sum())
        place = tuple(int(n) for n in np.unravel_index(int(different.argmax()), different.shape))
        return place, int(expected[place]), int(got[place])

    def note(self, said: Divergence, order: int) -> None:
        """Keeps a divergence; ``order`` is the place of its signal among those of the same neuron, or of the result."""
        place = (said.step, said.layer, said.neuron)
        self.found.append(((said.image, *(LATE if n is None else n for n in place), order), said))


def verify(
    twin: Twin,
    chip: Chip,
    pixels: np.ndarray,
    progress: Callable[[int], None] = lambda images: None,
    *,
    interval: int = 0,
) -> Verification:
    """Runs ``pixels``, (images, pixels) uint8, through ``twin`` and compares every number with golden's for ``chip``.

    The images are shared out to PARTS programs, each of which gets its own every ``interval`` clock cycles, or back to
    back where the gates are slower. ``progress`` is told, from other threads, how many more images are compared. A
    mismatch is reported, not raised. Raises :class:`CaptwinError` if the gates hang or the images do not have the
    chip's size.
    """
    golden.check_pixels(chip, pixels)
    start = perf_counter()
    # Without traces nothing is heard of an image until its answer.
    patience = PATIENCE + (0 if twin.sidecar.options.trace else twin.sidecar.silence)
    shares = [share for share in np.array_split(np.arange(len(pixels)), PARTS) if len(share)]
    with contextlib.ExitStack() as stack:
        programs = []
        for share in shares:
            images = stack.enter_context(tempfile.TemporaryFile())
            images.write(np.ascontiguousarray(pixels[share]).data)
            images.seek(0)
            command = [str(twin.program), str(CHUNK), str(patience), str(SURPLUS), str(interval)]
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="captwin-"))  # the Verilog may write files
            program = subprocess.Popen(
                command,
                cwd=folder,
                env=tool_environment(),
                stdin=images,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.enter_context(program)
            stack.callback(program.kill)
            programs.append(program)
        pool = stack.enter_context(ThreadPoolExecutor(len(programs)))
        jobs = [
            pool.submit(_follow, program, twin, chip, pixels[share], int(share[0]), progress)
            for program, share in zip(programs, shares, strict=True)
        ]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            for program in programs:  # their threads, which the pool waits for, then find the end of the stream
                program.kill()
            raise
    parts = [job.result() for job in jobs]
    found = [entry for part in parts for entry in part.found]
    totals: Counter[str] = Counter()
    for part in parts:
        totals.update(part.counters)
    beats = [np.concatenate(part.beats) for part in parts]
    traced = twin.sidecar.options.trace
    cycles = int(sum(int(part_beats[-1]) for part_beats in beats))
    return Verification(
        images=len(pixels),
        labels=np.concatenate([labels for part in parts for labels in part.labels]),
        compared={name: len(pixels) * chip.encoder.steps * sum(chip.sizes[1:]) * traced for name in TRACED},
        mismatches=sum(part.mismatches for part in parts),
        first_divergence=min(found, key=lambda entry: entry[0])[1] if found else None,
        latency_cycles=np.concatenate([latencies for part in parts for latencies in part.latencies]),
        interval_cycles=np.concatenate([np.diff(part_beats.astype(np.int64)) for part_beats in beats]),
        total_cycles=cycles,
        counters=dict(totals),
        events_per_cycle=[totals[f"events[{layer}]"] / cycles for layer in range(len(chip.layers))],
        run_seconds=perf_counter() - start,
    )


class _Stream:
    """Arrays from a program's stdout."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout and program.stderr
        self._program, self._numbers = program, program.stdout
        self._text = cast(BufferedReader, program.stderr)
        self._end = b""
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Keeps the end of what the program prints, so that it never waits for somebody to read it."""
        with contextlib.suppress(ValueError):  # closed meanwhile
            while text := self._text.read1(1 << 12):
                self._end = (self._end + text)[-LAST_WORDS:]

    def take(self, dtype: str, *shape: int) -> np.ndarray:
        """The next array; :class:`CaptwinError` with what the program says if it ends instead."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        content = self._numbers.read(size)
        if len(content) < size:
            status = self._program.wait()
            self._listener.join()
            told = self._end.decode(errors="replace").strip().splitlines()
            reason = _line(told[-1]) if told else f"it stopped early, with exit status {status}"
            raise CaptwinError(f"compiled core: {reason}; `captwin simulate --waves` shows more")
        return np.frombuffer(content, kind).reshape(shape)

    def number(self) -> int:
        return int(self.take("<i8", 1)[0])


def _line(text: str) -> str:
    """``text``, which given Verilog may have printed, as a terminal may have it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()


def _follow(
    program: subprocess.Popen[bytes],
    twin: Twin,
    chip: Chip,
    pixels: np.ndarray,
    start: int,
    progress: Callable[[int], None],
) -> _Part:
    """Compares all that ``program`` says about its images."""
    part, stream = _Part(), _Stream(program)
    done = 0
    while images := stream.number():
        some = pixels[done : done + images]
        _compare_block(part, stream, twin, chip, some, start + done)
        done += images
        progress(images)
    _compare_end(part, stream, twin, chip, start + len(pixels) - 1)
    return part


def _compare_block(part: _Part, stream: _Stream, twin: Twin, chip: Chip, pixels: np.ndarray, first: int) -> None:
    """The next block of the program's numbers, of images ``pixels``, the first of which has number ``first``."""
    images, steps, classes = len(pixels), chip.encoder.steps, chip.classes
    dtypes = {"sums": f"<i{twin.sum_bytes}", "drives": "<u2", "membranes": "<u2", "spikes": "u1"}
    reference = golden.run(chip, pixels, trace=True)
    expected = part.expected_counters
    arriving = int(encode(chip.encoder, pixels).sum())
    for layer, (weights, trace) in enumerate(zip(chip.layers, reference.traces, strict=True)):
        expected[f"events[{layer}]"] += arriving
        expected[f"spikes[{layer}]"] += (arriving := int(trace.spikes.sum()))
        expected[f"saturated[{layer}]"] += int(golden.saturates(weights, chip.formats, trace.sums).sum())
        if not twin.sidecar.options.trace:
            continue
        lanes = twin.sidecar.options.lanes[layer]
        words = -(-weights.columns // lanes)
        got = {name: stream.take(dtype, images, steps, weights.columns) for name, dtype in dtypes.items()}
        last, cycles = stream.take("u1", images, steps, words), stream.take("<u4", images, steps, words)
        for order, name in enumerate(TRACED):
            if spot := part.differ(getattr(trace, name), got[name]):
                (image, step, neuron), want, have = spot
                cycle = int(cycles[image, step, neuron // lanes])
                signal = name.removesuffix("s")
                part.note(Divergence(first + image, step, layer, neuron, signal, want, have, cycle), order)
        if spot := part.differ(np.broadcast_to(np.arange(words) == words - 1, last.shape).astype(np.uint8), last):
            (image, step, word), want, have = spot
            cycle = int(cycles[image, step, word])
            part.note(Divergence(first + image, step, layer, None, "last", want, have, cycle), 0)

    label, decided, latency, seen, beat = (stream.take("<i4", images) for _ in range(5))
    counts, membranes = (stream.take("<i4", images, classes) for _ in range(2))
    answers = {
        "label": (reference.labels, label),
        "steps": (reference.steps, decided),
        "cycles": (seen, latency),
        "result counts": (reference.counts, counts),
        "result membranes": (reference.membranes, membranes),
    }
    for order, (signal, (wanted, given)) in enumerate(answers.items()):
        if spot := part.differ(wanted, given):
            place, want, have = spot
            about = place[1] if len(place) > 1 else None
            said = Divergence(first + place[0], None, None, about, signal, want, have, int(beat[place[0]]))
            part.note(said, order)
    part.labels.append(label)
    part.latencies.append(latency)
    part.beats.append(beat)


def _compare_end(part: _Part, stream: _Stream, twin: Twin, chip: Chip, image: int) -> None:
    """What the program says when all images have passed, ``image`` the last: beats too many, counters, build id."""
    extra = [stream.number() for _ in range(len(chip.layers) + 1)]
    extra_cycle, cycles = stream.number(), stream.number()
    part.counters = {counter.name: stream.number() for counter in twin.sidecar.port("counters").fields}
    build_id = int(stream.take("<u8", 1)[0])

    def check(signal: str, expected: int, got: int, layer: int | None = None, cycle: int = cycles) -> None:
        if expected != got:
            part.mismatches += 1
            step = None if layer is None else chip.encoder.steps
            said = Divergence(image, step, layer, None, signal, expected, got, cycle)
            part.found.append(((LATE, image, len(part.found)), said))  # after all that belongs to an image

    for layer, beats in enumerate(extra[:-1]):
        check("words too many", 0, beats, layer, extra_cycle)
    check("results too many", 0, extra[-1], None, extra_cycle)
    part.expected_counters["cycles"] = cycles
    for name, value in part.expected_counters.items():
        check(f"counter {name}", value % (1 << COUNTER_BITS), part.counters[name])
    check("build_id", chip.build_id, build_id)
