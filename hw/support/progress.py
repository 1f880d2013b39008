"""How a function that takes long tells its caller how far it is."""

from collections.abc import Callable

#: called with what is being done, steps done, and steps in all; from any thread
Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""
