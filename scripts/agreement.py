"""A device's answers and traces against the golden model's."""

from collections.abc import Sequence

import numpy as np

from captwin.boards.host.answer import Answer
from captwin.boards.host.trace import LayerTrace
from captwin.sim import golden
from captwin.sim.rtl.scoreboard import TRACED


def mismatches(
    answers: Sequence[Answer], expected: golden.Inference, traces: Sequence[tuple[LayerTrace, ...]] = ()
) -> list[int]:
    """The numbers of the images whose class, steps, counts or membranes are others, or any number in their traces."""
    wrong = {n for n, answer in enumerate(answers) if not _agrees(answer, expected, n)}
    return sorted(wrong | {n for n, layers in enumerate(traces) if not _traced(layers, expected, n)})


def _agrees(answer: Answer, expected: golden.Inference, image: int) -> bool:
    return (
        answer.label == expected.labels[image]
        and answer.steps == expected.steps[image]
        and answer.counts == tuple(expected.counts[image])
        and answer.membranes == tuple(expected.membranes[image])
    )


def _traced(layers: tuple[LayerTrace, ...], expected: golden.Inference, image: int) -> bool:
    return all(
        np.array_equal(getattr(layer, name), getattr(golden_layer, name)[image])
        for layer, golden_layer in zip(layers, expected.traces, strict=True)
        for name in TRACED
    )
