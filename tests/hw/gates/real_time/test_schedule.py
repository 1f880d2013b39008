"""Images never meet in a neuron's loop, however many time steps they have."""

from math import gcd

import pytest

from captwin.hw.gates.real_time.schedule import SHORTEST_LOOP, Schedule


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 8, 12, 30, 255])
def test_every_cycle_belongs_to_one_image(steps: int) -> None:
    schedule = Schedule(steps)
    assert schedule.loop >= SHORTEST_LOOP and gcd(schedule.loop, steps) == 1
    images = 3 * schedule.loop
    cycles = {image * steps + step * schedule.loop: step for image in range(images) for step in range(steps)}
    assert len(cycles) == images * steps
    assert all(schedule.step_in(cycle) == step for cycle, step in cycles.items())
    assert schedule.spread == (steps - 1) * schedule.loop - (steps - 1)
