"""What the tests of the blocks share: drawn sizes and pauses, and payloads as bits."""

import numpy as np
from amaranth.lib import data
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from captwin.sim.encode import changed

SIZES = st.sampled_from([1, 2, 4, 8])
STALLS = st.sampled_from([0.0, 0.3, 0.7])
SEEDS = st.integers(0, 1 << 32)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)


def bits(layout: data.Layout, value: object) -> int:
    """The bits of ``value`` as a payload of ``layout``."""
    return data.Layout.cast(layout).const(value).as_value().value


def words(spikes: np.ndarray, width: int) -> list[dict[str, int]]:
    """Spikes (steps, rows) as spike words."""
    result = []
    for step in spikes:
        for start in range(0, len(step), width):
            result.append({"spikes": mask(step, start, width), "last": int(start + width >= len(step))})
    return result


def change_words(spikes: np.ndarray, width: int) -> list[dict[str, int]]:
    """Spikes (images, steps, rows) as change words."""
    result = []
    for image in spikes:
        for number, (step, changes) in enumerate(zip(image, changed(image[None])[0], strict=True)):
            for start in range(0, len(step), width):
                last = int(start + width >= len(step))
                word = {"spikes": mask(step, start, width), "changed": mask(changes, start, width), "last": last}
                result.append(word | {"end": last if number == len(image) - 1 else 0})
    return result


def mask(spikes: np.ndarray, start: int, width: int) -> int:
    """The word of ``width`` spikes from ``start`` on."""
    return sum(int(spike) << n for n, spike in enumerate(spikes[start : start + width]))
