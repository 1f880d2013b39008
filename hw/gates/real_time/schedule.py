"""When each time step of each image is where in a real-time core.

Images begin every ``steps`` cycles, or later by whole multiples of that. Up to the drives of the first layer the steps
of an image follow each other, a cycle each: this is the *order of images*. A neuron, though, finds its new state only
``loop`` cycles after it took a drive. So from there on the steps of an image are ``loop`` cycles apart, and those of
``loop`` images interleave: this is the *order of the loop*. No two images ever want the same cycle if ``loop`` and
``steps`` have no common divisor: step t of an image that begins in cycle 0 is in cycle t * ``loop``, these cycles
differ modulo ``steps`` for all t, and images begin at multiples of ``steps``.
"""

from dataclasses import dataclass
from functools import cached_property
from math import gcd

#: cycles from a neuron's state to the next one: its table is read, then two registers
SHORTEST_LOOP = 3


@dataclass(frozen=True)
class Schedule:
    """The order of the time steps of images of ``steps`` steps.

    >>> schedule = Schedule(8)
    >>> schedule.loop, [schedule.step_in(cycle) for cycle in range(8)]
    (3, [0, 3, 6, 1, 4, 7, 2, 5])
    """

    steps: int

    @cached_property
    def loop(self) -> int:
        """Cycles between two steps of an image in the order of the loop, and images that interleave."""
        loop = SHORTEST_LOOP
        while gcd(loop, self.steps) > 1:
            loop += 1
        return loop

    @cached_property
    def advance(self) -> int:
        """By how much the number of the step grows from cycle to cycle in the order of the loop, modulo ``steps``."""
        return pow(self.loop, -1, self.steps) if self.steps > 1 else 0

    @property
    def spread(self) -> int:
        """By how many cycles the last step of an image is later in the order of the loop."""
        return (self.steps - 1) * (self.loop - 1)

    def step_in(self, cycle: int) -> int:
        """The step in ``cycle`` in the order of the loop, if an image begins in cycle 0."""
        return cycle * self.advance % self.steps
