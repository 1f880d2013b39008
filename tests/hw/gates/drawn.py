"""What the tests of the blocks share: drawn sizes and pauses, and payloads as bits."""

import numpy as np
from amaranth.lib import data
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
            mask = sum(int(spike) << n for n, spike in enumerate(step[start : start + width]))
            result.append({"spikes": mask, "last": int(start + width >= len(step))})
    return result
