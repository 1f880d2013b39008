"""PLL dividers: which of a family's come nearest to a wanted frequency."""

from collections.abc import Iterable
from dataclasses import dataclass

from captwin.hw.support.errors import CaptwinError

#: how far from the wanted frequency the nearest may be, as a share of it
TOLERANCE = 0.05


@dataclass(frozen=True)
class Pll:
    """Divider settings by the names of the vendor's primitive, and the frequency that they give."""

    output_hz: float
    settings: dict[str, int]


def nearest(candidates: Iterable[Pll], input_hz: float, wanted_hz: float, family: str) -> Pll:
    """The candidate that comes nearest to ``wanted_hz``, with the smallest dividers among equals.

    Raises :class:`CaptwinError`, which names the ``family``, if none is within TOLERANCE.
    """
    best = min(candidates, key=lambda pll: (abs(pll.output_hz - wanted_hz), sum(pll.settings.values())), default=None)
    if best is None or abs(best.output_hz - wanted_hz) > TOLERANCE * wanted_hz:
        raise CaptwinError(
            f"clock: the {family} PLL cannot make {wanted_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz; "
            "choose another with --clock"
        )
    return best
