"""A device's answers against the golden model's."""

from boards.host import Answer
from sim import golden


def mismatches(answers: list[Answer], expected: golden.Inference) -> list[int]:
    """The numbers of the images whose class, steps, counts or membranes are others."""
    return [n for n, answer in enumerate(answers) if not _agrees(answer, expected, n)]


def _agrees(answer: Answer, expected: golden.Inference, image: int) -> bool:
    return (
        answer.label == expected.labels[image]
        and answer.steps == expected.steps[image]
        and answer.counts == tuple(expected.counts[image])
        and answer.membranes == tuple(expected.membranes[image])
    )
