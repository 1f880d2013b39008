"""A PDK's devices at a corner, as the text that a deck begins with."""

import re
from collections.abc import Iterator, Sequence

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.pdk.place import Place, place_of
from captwin.sim.pdk.sizes import TOLERANCE, Part, check_sizes, netlist_parts
from captwin.sim.spice.source import Source, expand_text

_MODEL = re.compile(r"[.]model\s+(\S+)[.]\d+\s", re.IGNORECASE)
_LIMIT = re.compile(r"\b([lw])(min|max)\s*=\s*([0-9.e+-]+)", re.IGNORECASE)


def pdk_devices(pdk: Pdk, corner: str, neuron: str, where: str) -> Source:
    """The subcircuits of ``pdk.devices`` with those of the foundry's cards that a netlist's devices need, whose text
    ``neuron`` is and whose name is ``where``. They depend on what the cards say, and not on where they lie.

    Raises :class:`CaptwinError` if the cards are not there, if there is no such corner, or if a device of the netlist
    is none of the PDK's or lies outside its limits.
    """
    if corner not in pdk.corners:
        raise CaptwinError(f"{pdk.name}: no corner {printable(corner)}; its corners are {', '.join(pdk.corners)}")
    place = place_of(pdk)
    return _netlist_devices(pdk, place, pdk.cards[place.layout].corners[corner], neuron, where)


def statistical_devices(pdk: Pdk, variation: str, neuron: str, where: str) -> Source:
    """The same, drawn by chance: from device to device ("mismatch"), from chip to chip ("process"), or both ("all").

    Raises :class:`CaptwinError` as well if the cards have no such statistics.
    """
    place = place_of(pdk)
    statistics = pdk.cards[place.layout].statistics
    if variation not in statistics:
        raise CaptwinError(
            f"{pdk.name}: its device models, from {place.origin}, have no statistics of {variation}; take a PDK that"
            " captwin pdk lists with statistics"
        )
    return _netlist_devices(pdk, place, statistics[variation], neuron, where)


def parts_devices(pdk: Pdk, corner: str, parts: Sequence[Part]) -> str:
    """The subcircuits of ``pdk.devices`` with those of the foundry's cards that ``parts`` need."""
    place = place_of(pdk)
    return _needed(pdk, place, pdk.cards[place.layout].corners[corner], parts)


def _netlist_devices(pdk: Pdk, place: Place, wrapper: str, neuron: str, where: str) -> Source:
    """The devices of a netlist, as ``wrapper`` puts them around the foundry's."""
    parts = netlist_parts(pdk, wrapper, neuron, where)
    check_sizes(pdk, parts, where)
    text = _needed(pdk, place, wrapper, parts)
    return Source(raw=text, text=text, included={})


def _needed(pdk: Pdk, place: Place, wrapper: str, parts: Sequence[Part]) -> str:
    return needed_cards(expand_text(wrapper, place.folder, pdk.name), pdk, parts)


def needed_cards(text: str, pdk: Pdk, parts: Sequence[Part]) -> str:
    """``text`` without the model cards whose bin of w and l holds none of ``parts``."""
    sizes = {device.bins: {(part.w, part.l) for part in parts if part.device == device.name} for device in pdk.devices}
    kept: list[str] = []
    for block in _blocks(text):
        model = _MODEL.match(block[0])
        if model is None or _holds("\n".join(block), sizes.get(model[1].lower(), set())):
            kept += block
    return "\n".join(kept)


def _blocks(text: str) -> Iterator[list[str]]:
    """Each line with those that continue it."""
    block: list[str] = []
    for line in text.split("\n"):
        if block and not line.startswith("+"):
            yield block
            block = []
        block.append(line)
    yield block


def _holds(card: str, sizes: set[tuple[float, float]]) -> bool:
    """Whether one of ``sizes``, w and l, lies within the card's limits or on their edge, where ngspice decides."""
    limits = {axis.lower() + end.lower(): float(value) for axis, end, value in _LIMIT.findall(card)}
    return any(
        all(
            limits[f"{axis}min"] * (1 - TOLERANCE) <= size <= limits[f"{axis}max"] * (1 + TOLERANCE)
            for axis, size in (("w", w), ("l", l))
        )
        for w, l in sizes  # noqa: E741
    )
