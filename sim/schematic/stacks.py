"""Which devices of a block are drawn above each other: paths of current from the supply to ground."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from captwin.sim.schematic.elements import GROUND, SUPPLY, Block, Element

#: nets that stand at the top of a stack rather than at its bottom, the first before the others
UPPER = (SUPPLY, "vref", "vreset")


@dataclass(frozen=True)
class Stack:
    """Devices in series, from top to bottom."""

    elements: tuple[Element, ...]
    nets: tuple[str, ...]  #: above the first device, between each two, below the last; none of a device of many ends


def stacks_of(block: Block) -> list[Stack]:
    """The stacks that hold each device of ``block`` once: those that begin at the supply first.

    A stack goes on with a device at its lower end, until it comes to ground or there is none; it comes to no net twice.
    Of several devices it takes one whose name begins alike (``xl1_n`` after ``xl1_p``), then the first of the netlist.
    """
    left = [element for element in block.elements if element.ends]
    first = [element for element in left if SUPPLY in _ends(element) and not element.is_capacitor]
    stacks = []
    for start in [*first, *left]:
        if start in left:
            left.remove(start)
            stacks.append(_follow(start, left))
    return stacks + [Stack((element,), ()) for element in block.elements if not element.ends]


def _follow(start: Element, left: list[Element]) -> Stack:
    """The stack that begins with ``start``; what it holds is taken out of ``left``."""
    elements, nets = [start], list(_downwards(start))
    while nets[0] != nets[-1] and nets[-1] != GROUND:
        at = nets[-1]
        following = [element for element in left if at in _ends(element) and not _returns(element, at, nets)]
        if not following:
            break
        element = min(following, key=lambda each: _stem(each) != _stem(elements[-1]))
        left.remove(element)
        elements.append(element)
        nets.append(_other(element, at))
    return Stack(tuple(elements), tuple(nets))


def _returns(element: Element, at: str, nets: Sequence[str]) -> bool:
    """Whether going through ``element`` from the net ``at`` leads to a net that was come through, or to the supply."""
    return _other(element, at) in (SUPPLY, *nets)


def _stem(element: Element) -> str:
    return element.name.split("_")[0]


def _other(element: Element, net: str) -> str:
    one, other = _ends(element)
    return other if one == net else one


def _ends(element: Element) -> tuple[str, str]:
    assert element.ends is not None
    return element.ends


def _downwards(element: Element) -> tuple[str, str]:
    """The ends of the first device of a stack, the upper one first."""
    one, other = _ends(element)
    if one == GROUND or (other in UPPER and (one not in UPPER or UPPER.index(other) < UPPER.index(one))):
        return other, one
    return one, other


def size_text(element: Element) -> str:
    """Its sizes as they are drawn: w / l in micrometres where they are numbers, else as they are written."""
    if "w" not in element.sizes:
        return element.sizes.get("value", "")
    return " / ".join(_micrometres(element.sizes[name]) for name in ("w", "l") if name in element.sizes)


def _micrometres(text: str) -> str:
    match = re.fullmatch(r"([\d.]+)(u|n)", text)
    if match is None:
        return text
    return match[1] if match[2] == "u" else f"{float(match[1]) / 1e3:g}"
