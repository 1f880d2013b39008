"""Clock cycles of a real-time core: they follow from its sizes alone, whatever the spikes are."""

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.real_time.encoder import PlaneEncoder
from captwin.hw.gates.real_time.layers import RealTimeLayers
from captwin.hw.gates.real_time.readout import RealTimeReadout


def real_time_cycles(chip: Chip, images: int, options: CoreOptions) -> tuple[np.ndarray, np.ndarray]:
    """(images,) cycles of the images' first pixels and of their results, from the cycle after a reset on."""
    steps, words = chip.encoder.steps, -(-chip.pixels // options.pixel_lanes)
    core = RealTimeLayers(chip, options)
    way = PlaneEncoder.LATENCY + core.latency + RealTimeReadout.latency(chip.classes) + Core.LATENCY
    first, result = np.empty(images, np.int64), np.empty(images, np.int64)
    begun = -1  # cycle in which the latest image was decided to begin
    for image in range(images):
        enter, rest = begun + 1, 0
        if image >= core.IN_FLIGHT:
            enter = max(enter, int(result[image - core.IN_FLIGHT]) + 2)
        if words > 1 and image + 1 >= core.IN_FLIGHT:  # its first beat takes the last room
            rest = int(result[image + 1 - core.IN_FLIGHT]) + 1
        first[image] = enter
        loaded = max(enter, rest) + words - 1
        begun = -(-loaded // steps) * steps
        result[image] = begun + way
        if image:  # a result is offered in every second cycle at most
            result[image] = max(result[image], result[image - 1] + 2)
    return first, result


def real_time_busy(chip: Chip, options: CoreOptions) -> dict[str, float]:
    """Cycles an image that each block needs by itself."""
    steps = chip.encoder.steps
    return {
        "encoder": float(max(steps, -(-chip.pixels // options.pixel_lanes))),
        "layers": float(steps),
        "readout": float(steps),
    }
