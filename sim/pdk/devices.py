"""A PDK's devices at a corner, as the text that a deck begins with."""

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.pdk.place import place_of
from captwin.sim.spice.source import Source, expand_text


def pdk_devices(pdk: Pdk, corner: str) -> Source:
    """The subcircuits of ``pdk.devices`` with the foundry's cards, nothing else of its files; it depends on what the
    cards say, and not on where they lie.

    Raises :class:`CaptwinError` if the cards are not there, or if there is no such corner.
    """
    if corner not in pdk.corners:
        raise CaptwinError(f"{pdk.name}: no corner {printable(corner)}; its corners are {', '.join(pdk.corners)}")
    place = place_of(pdk)
    text = expand_text(pdk.cards[place.layout].corners[corner], place.folder, pdk.name)
    return Source(raw=text, text=text, included={})
