"""How a function that takes long tells its caller how far it is."""

from collections.abc import Callable
from threading import Lock

#: called with what is being done, steps done, and steps in all; from any thread
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


class StepCounter:
    """Tells ``progress`` how many of ``total`` steps are done; several threads may share a counter."""

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress, self._what, self._total = progress, what, total
        self._done = 0
        self._lock = Lock()

    def add(self, steps: int) -> None:
        """So many more ``steps`` are done."""
        with self._lock:
            self._done += steps
            self._progress(self._what, self._done, self._total)
