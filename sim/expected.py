"""The answer that the self-test in the gates must get, by the golden model."""

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.link.selftest import Expected, Replayed
from captwin.sim import golden


def expect(chip: Chip, pixels: np.ndarray, replayed: np.ndarray | None = None) -> Expected:
    """The golden model's answer of ``chip`` to one image, (pixels,) uint8 ``pixels``; and its classes of the images
    that a real-time core runs at full rate, (images, pixels) uint8 ``replayed``, if there are any.

    >>> chip, digits = captwin.load_chip("digits-tiny"), captwin.load_dataset("digits")
    >>> captwin.expect_answer(chip, digits.test_images[0]).label
    7
    """
    answer = golden.run(chip, pixels[None])
    return Expected(
        pixels,
        int(answer.labels[0]),
        int(answer.steps[0]),
        tuple(int(count) for count in answer.counts[0]),
        tuple(int(code) for code in answer.membranes[0]),
        None if replayed is None or not len(replayed) else Replayed(replayed, golden.run(chip, replayed).labels),
    )
