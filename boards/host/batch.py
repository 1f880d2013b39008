"""A batch of images through a device, and how long it took."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from captwin.boards.host.answer import Answer
from captwin.boards.host.device import Device
from captwin.boards.host.trace import LayerTrace
from captwin.hw.support.progress import Progress, StepCounter, silent

#: bits that a byte takes on the line: one start bit, eight of data, one stop bit
LINE_BITS = 10


@dataclass(frozen=True)
class Batch:
    """What came of a batch of images."""

    answers: tuple[Answer, ...]  #: of each image
    traces: tuple[tuple[LayerTrace, ...], ...]  #: of each image, if they were asked for: what each layer did
    seconds: float  #: from the first request to the last answer, by the host's clock
    line_limit: float  #: images a second, if nothing but the line took time
    device_rate: float | None  #: images a second from the first answer to the last, by the device's clock; of one: None

    @property
    def images_per_s(self) -> float:
        """Images a second, by the host's clock."""
        return len(self.answers) / self.seconds

    @property
    def mean_cycles(self) -> float:
        """Mean clock cycles from an image's first pixel to its result."""
        return float(np.mean([answer.cycles for answer in self.answers]))

    @property
    def numbers_traced(self) -> int:
        """Sums, drives, membranes and spikes in all traces."""
        return sum(array.size for layers in self.traces for layer in layers for array in vars(layer).values())

    def accuracy(self, labels: np.ndarray) -> float:
        """Share of images whose class is that of ``labels``, (images,)."""
        return float(np.mean([answer.label == label for answer, label in zip(self.answers, labels, strict=True)]))


def run_batch(device: Device, pixels: np.ndarray, *, trace: bool = False, progress: Progress = silent) -> Batch:
    """Runs ``pixels``, (images, pixels) uint8, at least one image: as many at once as ``device`` takes, or, with
    ``trace``, one after the other, each with all that its layers do.

    Raises what :meth:`Device.infer` and :meth:`Device.trace` raise.
    """
    steps = StepCounter(progress, "images answered", len(pixels))
    answers: list[Answer] = []
    traces: list[tuple[LayerTrace, ...]] = []
    start, sent_before = perf_counter(), device.sent
    if trace:
        for image in pixels:
            answer, layers = device.trace(image)
            answers.append(answer)
            traces.append(layers)
            steps.add(1)
    else:
        for answer in device.infer(pixels):
            answers.append(answer)
            steps.add(1)
    seconds = perf_counter() - start
    sent = device.sent - sent_before
    line_limit = device.about.baud / (LINE_BITS * sent / len(answers))
    return Batch(tuple(answers), tuple(traces), seconds, line_limit, _device_rate(device, answers))


def _device_rate(device: Device, answers: list[Answer]) -> float | None:
    elapsed = answers[-1].counters.cycles - answers[0].counters.cycles & 0xFFFFFFFF
    return (len(answers) - 1) * device.about.clock_hz / elapsed if elapsed else None
